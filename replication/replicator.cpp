#include "replication/replicator.h"

#include "replication/filter_code.h"
#include "replication/settings.h"
#include "storage/base/log.h"

namespace divan::replication {
namespace {

constexpr std::chrono::milliseconds tick{1000};
constexpr std::int64_t loops_max = 64;

Error as_error(const PeerFailure& failure) {
    using Kind = PeerFailure::Kind;
    switch (failure.kind()) {
        case Kind::not_found: return {Code::not_found, failure.reason(), {}};
        case Kind::unauthorized: return {Code::unauthorized, failure.reason(), {}};
        case Kind::forbidden: return {Code::forbidden, failure.reason(), {}};
        default: return {Code::internal_error, failure.reason(), failure.error()};
    }
}

// couch_replicator_utils:valid_endpoint_protocols_log/1
void log_plain_http(const Replication& replication, const ReadSetting& setting) {
    const bool wanted = read_bool(setting, "replicator", "valid_endpoint_protocols_log", false);
    if (!wanted || replication.cancel) return;
    const auto whose = replication.database.empty()
                           ? "of " + replication.user.name
                           : "of " + replication.database + ", document " + replication.doc_id;
    for (const auto* end : {&replication.source, &replication.target}) {
        if (!end->local_database.empty() || !end->url.starts_with("http://")) continue;
        log(LogLevel::warning, "Replicator: **security warning** a replication " + whose +
                                   " goes to " + end->url + " without TLS");
    }
}

}  // namespace

/// One loop, its thread, and what belongs to it.
struct Replicator::Loop {
    std::unique_ptr<IoLoop> loop = IoLoop::create();
    MakePeer make_peer;          ///< Destroyed before the loop.
    std::set<Peer*> looking_up;  ///< The loop's thread alone.
    std::thread thread;
};

Replicator::Replicator(ReplicatorHost host) : host_(std::move(host)) {
    const auto count = read_integer(host_.setting, "replicator", "threads", 2, 1, loops_max);
    for (std::int64_t i = 0; i < count; ++i) {
        auto loop = std::make_unique<Loop>();
        loop->make_peer = host_.peers(*loop->loop);
        loop->thread = std::thread([&io = *loop->loop] { io.run(); });
        loops_.push_back(std::move(loop));
    }
    scheduler_ = std::make_unique<Scheduler>(
        [this](auto request, const auto& counted, auto ended) {
            return launch(std::move(request), counted, std::move(ended));
        },
        [setting = host_.setting] { return read_scheduler_settings(setting); }, host_.clock,
        host_.metrics);
    documents_ = std::make_unique<DocumentJobs>(
        DocumentJobsHost{host_.catalog, host_.clock, host_.metrics, host_.pool,
                         [this] { return rules(); },
                         [this] {
                             return read_bool(host_.setting, "replicator", "update_docs", false);
                         },
                         [this](Replication replication, Done done) {
                             identify(std::move(replication), std::move(done));
                         }},
        *scheduler_);
}

Replicator::~Replicator() {
    if (!loops_.empty()) stop();
}

void Replicator::start() {
    loops_.front()->loop->post([this] { arm_tick(); });
    documents_->start();
}

void Replicator::arm_tick() {
    loops_.front()->loop->after(tick, [this] {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
        }
        scheduler_->tick();
        arm_tick();
    });
}

void Replicator::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    documents_->stop();
    bool all_stopped = false;
    scheduler_->stop_all([&] {
        const std::lock_guard lock(mutex_);
        all_stopped = true;
        wake_.notify_all();
    });
    for (const auto& loop : loops_) {
        loop->loop->post([&peers = loop->looking_up] {
            for (Peer* peer : peers) peer->cancel();
        });
    }
    {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return all_stopped && looking_up_ == 0; });
    }
    for (const auto& loop : loops_) {
        loop->loop->stop();
        loop->thread.join();
    }
    loops_.clear();
}

Rules Replicator::rules() const {
    return read_rules(host_.setting);
}

Replicator::Loop& Replicator::next_loop() {
    return *loops_[last_loop_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

std::shared_ptr<JobRun> Replicator::launch(std::shared_ptr<const JobRequest> request,
                                           const ReplicationCounts& counted,
                                           std::function<void(RunEnd)> ended) {
    auto& loop = next_loop();
    auto settings = job_settings(*request, counted);
    settings.document_id_bytes_max = read_document_id_max(host_.setting);
    settings.missing_document_retry = read_missing_document_retry(host_.setting);
    if (!request->transient()) {
        settings.opened = [this, request] { documents_->job_opened(*request); };
    }
    return run_on_loop(*loop.loop, loop.make_peer, std::move(request), std::move(settings),
                       host_.clock, host_.metrics.replication, std::move(ended));
}

JobRequest Replicator::make_request(Replication replication, std::string_view filter_code) const {
    JobRequest request;
    request.id = replication_id(replication, host_.names, filter_code);
    request.older_base_ids = older_base_ids(replication, host_.names, filter_code);
    request.start_time = host_.clock.unix_seconds();
    request.replication = std::move(replication);
    return request;
}

void Replicator::identify(Replication replication, Done done) {
    log_plain_http(replication, host_.setting);
    if (!filter_function(replication)) {
        done(make_request(std::move(replication), {}));
        return;
    }
    {
        const std::unique_lock lock(mutex_);
        if (!stopping_) {
            ++looking_up_;
            auto& loop = next_loop();
            loop.loop->post([this, &loop, replication = std::move(replication),
                             done = std::move(done)]() mutable {
                spawn(look_up(loop, std::move(replication), std::move(done)));
            });
            return;
        }
    }
    done(Error{Code::maintenance, {}, {}});
}

Task<void> Replicator::look_up(Loop& loop, Replication replication, Done done) {
    Result<JobRequest> found = Error{};
    try {
        auto source = loop.make_peer(replication.source, replication);
        loop.looking_up.insert(source.get());
        Result<std::string> code = Error{};
        try {
            auto text = co_await read_filter_code(*source, *filter_function(replication));
            code = std::move(text);
        } catch (const PeerFailure& failure) {
            code = as_error(failure);
        }
        loop.looking_up.erase(source.get());
        if (code.has_error()) found = code.error();
        else found = make_request(std::move(replication), code.value());
    } catch (const PeerFailure& failure) {
        found = as_error(failure);
    } catch (const std::exception& failure) {
        found = Error{Code::internal_error, failure.what(), {}};
    }
    done(std::move(found));
    const std::lock_guard lock(mutex_);
    --looking_up_;
    wake_.notify_all();
}

}  // namespace divan::replication
