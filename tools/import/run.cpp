#include "tools/import/run.h"

#include <algorithm>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "storage/base/json.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/paused_replications.h"

namespace divan::import {
namespace {

// Of the batches that are read at the same time, together: what a store takes in at once is synced
// at once, and small documents weigh more in memory than their bytes.
constexpr std::size_t batched_documents = 40'000;
constexpr std::size_t undone_documents = 10'000;
constexpr std::size_t batch_bytes = 8U << 20;
constexpr std::size_t failures_kept = 100;
constexpr std::uint64_t documents_before_judging = 100;

bool matches(std::string_view pattern, std::string_view name) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == name;
    if (!name.starts_with(pattern.substr(0, star))) return false;
    const auto rest = pattern.substr(star + 1);
    for (auto at = star; at <= name.size(); ++at) {
        if (matches(rest, name.substr(at))) return true;
    }
    return false;
}

std::uint64_t size_of(const Document& document) {
    std::uint64_t bytes = 0;
    for (const auto& leaf : document.leaves) {
        bytes += leaf.json.size();
        for (const auto& attachment : leaf.attachments) bytes += attachment.stored_length;
    }
    return bytes;
}

class Run {
public:
    Run(Source& source, Target* target, Journal& journal, const RunOptions& options,
        Counters& counters)
        : source_(source),
          target_(target),
          journal_(journal),
          options_(options),
          counters_(counters),
          earlier_(journal.earlier()) {}

    RunReport work() {
        const auto names = chosen(source_.names(), options_);
        report_.databases.resize(names.size());
        std::vector<std::thread> threads;
        const auto useful = std::max<std::size_t>(names.size(), 1);
        const auto jobs = std::clamp<std::size_t>(options_.jobs, 1, useful);
        batch_documents_ = std::max<std::size_t>(batched_documents / jobs, 1);
        for (std::size_t job = 0; job < jobs; ++job) {
            threads.emplace_back([&] {
                for (auto at = next_++; at < names.size() && !stop_; at = next_++) {
                    database(names[at], report_.databases[at]);
                }
            });
        }
        for (auto& thread : threads) thread.join();
        report_.too_many_failures = stop_;
        return std::move(report_);
    }

private:
    // One database on its way.
    struct Way {
        DatabaseReport& report;
        std::unique_ptr<TargetDatabase> target;
        std::vector<Document> waiting;
        std::uint64_t waiting_bytes = 0;
        std::chrono::steady_clock::time_point waiting_since = {};  ///< The first of those waiting.
        Position position;
        TellFailure failed;
        bool leaves_apart = false;            ///< A document may come again with its next leaf.
        std::set<std::string> carried = {};   ///< Then: what the target has from this run.
        std::mutex failing = {};
        std::future<void> writing = {};  ///< The batch before, while the next one is read.
    };

    void database(const std::string& name, DatabaseReport& report) {
        report.name = name;
        report.target = target_name(name, options_);
        try {
            carry(name, report);
        } catch (const std::exception& error) {
            report.error = error.what();
            if (report.error.empty()) report.error = "refused";
            ++counters_.failures;
        }
        ++counters_.databases;
    }

    void carry(const std::string& name, DatabaseReport& report) {
        Way way{report, nullptr, {}, 0, {}, journal_.position(report.target), {}};
        way.failed = [&](const Failure& failure) {
            const std::lock_guard lock(way.failing);
            ++report.failure_count;
            ++counters_.failures;
            if (report.failures.size() < failures_kept) report.failures.push_back(failure);
            journal_.note_failure(report.target, failure);
        };
        const bool again = way.position.finished;
        if (again && options_.follow == Follow::no) return;
        if (again) way.position.part = 0;
        std::unique_ptr<SourceDatabase> from;
        {
            const std::lock_guard lock(open_mutex_);
            from = source_.open(name);
            open_target(*from, way);
        }
        way.leaves_apart = !from->whole_documents();
        // Of a journal that knew other parts.
        if (way.position.part >= from->parts()) way.position = {};
        carry_purges(*from, way);
        if (way.target) way.target->take_over(from->former());
        const bool with_locals = !again || options_.follow == Follow::all;
        if (with_locals) from->hold_locals(way.failed);
        for (; way.position.part < from->parts(); ++way.position.part) {
            from->documents(
                way.position.part, way.position.after,
                [&](Document document) { add(std::move(document), way); }, way.failed);
            write_waiting(way);
            // Of a source with one part it says from where on to follow.
            if (from->parts() > 1) way.position.after.clear();
        }
        finish_writing(way);
        if (with_locals) {
            from->locals([&](const LocalDocument& local) { carry_local(local, way); }, way.failed);
        }
        way.position.finished = true;
        if (!options_.dry_run) journal_.note_position(report.target, way.position);
    }

    void open_target(const SourceDatabase& from, Way& way) {
        if (options_.dry_run) return;
        auto info = from.info();
        info.name = way.report.target;
        if (!target_->exists(info.name)) journal_.note_new_database(info.name);
        way.report.made = journal_.is_new(info.name);
        way.target = target_->open(info);
        // Of a database that was there, who may do what is its admins' business: unless it is still
        // as an earlier run brought it.
        if (way.report.made || is_as_brought(*way.target, info.name)) write_settings(info, way);
    }

    bool is_as_brought(TargetDatabase& target, const std::string& name) const {
        const auto noted = earlier_.settings.find(name);
        return noted != earlier_.settings.end() && noted->second == settings_text(target.info());
    }

    static std::string settings_text(const DatabaseInfo& info) {
        return fmt::format("{} {} {}", info.revs_limit, info.purged_infos_limit, info.security);
    }

    void write_settings(const DatabaseInfo& info, Way& way) {
        try {
            way.target->write_settings(info);
        } catch (const Refused& refused) {
            way.failed({"_security", refused.error().reason});
        }
        if (options_.follow == Follow::changes) return;
        const auto settings = settings_text(way.target->info());
        auto& noted = earlier_.settings[info.name];
        if (noted == settings) return;
        noted = settings;
        journal_.note_settings(info.name, settings);
    }

    // Before the documents: what was purged and came back later must stay.
    void carry_purges(SourceDatabase& from, Way& way) {
        const bool begins = way.position.part == 0 && way.position.after.empty();
        const bool made_earlier = earlier_.databases.contains(way.report.target);
        if (options_.dry_run || !begins || !(way.report.made || made_earlier)) return;
        std::vector<Purge> purges;
        from.purges([&](Purge purge) { purges.push_back(std::move(purge)); }, way.failed);
        const auto there = way.target->purges();
        const std::set<Purge> known(there.begin(), there.end());
        std::vector<MissingLeaves> rows;
        for (auto& one : purges) {
            if (known.contains(one)) continue;
            rows.push_back({std::move(one.id), std::move(one.revisions), true});
        }
        way.target->purge(rows);
        way.report.purges = rows.size();
    }

    void add(Document document, Way& way) {
        if (stop_) throw std::runtime_error("ended: too many failures");
        const auto bytes = size_of(document);
        ++way.report.documents;
        ++counters_.documents;
        counters_.bytes += bytes;
        way.report.bytes += bytes;
        for (const auto& leaf : document.leaves) {
            ++way.report.leaves;
            ++counters_.leaves;
            way.report.attachments += leaf.attachments.size();
            counters_.attachments += leaf.attachments.size();
        }
        const auto now = std::chrono::steady_clock::now();
        if (way.waiting.empty()) way.waiting_since = now;
        way.waiting_bytes += bytes;
        way.waiting.push_back(std::move(document));
        if (way.waiting.size() >= batch_documents_ || way.waiting_bytes >= batch_bytes ||
            now - way.waiting_since >= options_.waits_max) {
            write_waiting(way);
        }
    }

    void write_waiting(Way& way) {
        if (way.waiting.empty()) return;
        way.position.after = way.waiting.back().marker;
        auto documents = std::move(way.waiting);
        way.waiting.clear();
        way.waiting_bytes = 0;
        if (options_.dry_run) return;
        finish_writing(way);
        way.writing = std::async(
            std::launch::async,
            [this, &way, position = way.position, batch = std::move(documents)]() mutable {
                write(way, std::move(batch), position);
            });
    }

    static void finish_writing(Way& way) {
        if (way.writing.valid()) way.writing.get();
    }

    void write(Way& way, std::vector<Document> documents, const Position& position) {
        auto missing = way.target->missing(documents);
        if (options_.on_conflict != OnConflict::keep_both) leave_out(documents, missing, way);
        journal_.note_created(way.report.target, missing);
        for (const auto& document : missing) {
            way.report.created += document.leaves.size();
            counters_.created += document.leaves.size();
        }
        if (is_replicator_database(way.report.name)) drop_outdated_pauses(documents, way);
        way.target->write(std::move(documents), way.failed);
        journal_.note_position(way.report.target, position);
        judge();
    }

    static void drop_outdated_pauses(const std::vector<Document>& documents, Way& way) {
        std::vector<std::string> ids;
        for (const auto& document : documents) ids.push_back(document.id);
        way.target->purge(outdated_pauses(documents, way.target->read(ids)));
    }

    // Documents that the target has with other revisions.
    void leave_out(std::vector<Document>& documents, std::vector<MissingLeaves>& missing,
                   Way& way) {
        std::set<std::string, std::less<>> taken;
        for (const auto& document : missing) {
            if (document.exists && !way.carried.contains(document.id)) taken.insert(document.id);
            if (!document.exists && way.leaves_apart) way.carried.insert(document.id);
        }
        way.report.skipped += taken.size();
        if (options_.on_conflict == OnConflict::fail) {
            for (const auto& id : taken) {
                way.failed({id, "the target has this document with other revisions"});
            }
        }
        std::erase_if(documents, [&](const auto& one) { return taken.contains(one.id); });
        std::erase_if(missing, [&](const auto& one) { return taken.contains(one.id); });
    }

    void carry_local(const LocalDocument& local, Way& way) {
        ++way.report.locals;
        ++counters_.locals;
        if (options_.dry_run) return;
        // What came with an earlier run may be older now; what was written at the target is newer.
        const auto there = way.target->read_local(local.id);
        if (there && there->edits >= local.edits) return;
        if (!there) journal_.note_local(way.report.target, local.id);
        way.target->write_local(local);
    }

    void judge() {
        const auto documents = counters_.documents.load();
        const auto allowed = options_.failures_max * static_cast<double>(documents);
        if (documents >= documents_before_judging &&
            static_cast<double>(counters_.failures.load()) > allowed) {
            stop_ = true;
        }
    }

    Source& source_;
    Target* target_;
    Journal& journal_;
    const RunOptions& options_;
    Counters& counters_;
    Journal::Earlier earlier_;
    RunReport report_;
    std::size_t batch_documents_ = batched_documents;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> stop_{false};
    std::mutex open_mutex_;
};

}  // namespace

bool RunReport::finished() const {
    return !too_many_failures && std::all_of(databases.begin(), databases.end(),
                                             [](const auto& one) { return one.error.empty(); });
}

std::uint64_t RunReport::failures() const {
    std::uint64_t count = 0;
    for (const auto& database : databases) {
        count += database.failure_count + (database.error.empty() ? 0 : 1);
    }
    return count;
}

std::uint64_t RunReport::created() const {
    std::uint64_t count = 0;
    for (const auto& database : databases) count += database.created;
    return count;
}

void RunReport::add(RunReport round) {
    too_many_failures = too_many_failures || round.too_many_failures;
    for (auto& later : round.databases) {
        const auto one = std::find_if(databases.begin(), databases.end(), [&](const auto& other) {
            return other.name == later.name;
        });
        if (one == databases.end()) {
            databases.push_back(std::move(later));
            continue;
        }
        one->documents += later.documents;
        one->leaves += later.leaves;
        one->created += later.created;
        one->attachments += later.attachments;
        one->bytes += later.bytes;
        one->skipped += later.skipped;
        one->failure_count += later.failure_count;
        for (auto& failure : later.failures) {
            if (one->failures.size() < failures_kept) one->failures.push_back(std::move(failure));
        }
        one->error = later.error;  // a round that went well makes up for one that did not
    }
}

std::vector<std::string> chosen(const std::vector<std::string>& names, const RunOptions& options) {
    if (options.databases.empty()) return names;
    std::set<std::string> picked;
    for (const auto& pattern : options.databases) {
        bool found = false;
        for (const auto& name : names) {
            if (!matches(pattern, name)) continue;
            picked.insert(name);
            found = true;
        }
        if (!found) throw std::invalid_argument("no database of the source fits " + pattern);
    }
    return {picked.begin(), picked.end()};
}

std::string choice_of(const RunOptions& options) {
    auto patterns = options.databases;
    std::sort(patterns.begin(), patterns.end());
    std::string json = "{";
    if (!patterns.empty()) {
        json += R"("databases":)";
        append_json_strings(json, patterns);
    }
    std::string renamed;
    for (const auto& [from, to] : options.rename) {
        renamed += (renamed.empty() ? "" : ",") + json_string(from) + ":" + json_string(to);
    }
    if (!renamed.empty()) {
        json += std::string(json.size() > 1 ? "," : "") + R"("rename":{)" + renamed + "}";
    }
    return json + "}";
}

std::string target_name(const std::string& name, const RunOptions& options) {
    const auto renamed = options.rename.find(name);
    return renamed == options.rename.end() ? name : renamed->second;
}

RunReport run_import(Source& source, Target* target, Journal& journal, const RunOptions& options,
                     Counters& counters) {
    return Run(source, target, journal, options, counters).work();
}

namespace {

// Takes away what a run made, some thousand documents at a time.
class Undoing {
public:
    explicit Undoing(Target& target) : target_(target) {}

    void take(Journal::Made made) {
        if (!made.local.empty()) {
            if (auto database = find(made.database)) database->erase_local(made.local);
            return;
        }
        leaves_ += made.document.leaves.size();
        waiting_[made.database].push_back(std::move(made.document));
        if (++waiting_count_ >= undone_documents) purge();
    }

    void purge() {
        for (const auto& [name, documents] : waiting_) {
            if (auto database = find(name)) database->purge(documents);
        }
        waiting_.clear();
        waiting_count_ = 0;
    }

    void erase_if_empty(const std::string& name) {
        auto database = find(name);
        if (!database || database->document_count() > 0) return;
        database.reset();
        target_.erase(name);
    }

    std::uint64_t leaves() const { return leaves_; }

private:
    std::unique_ptr<TargetDatabase> find(const std::string& name) {
        return target_.exists(name) ? target_.open_existing(name) : nullptr;
    }

    Target& target_;
    std::map<std::string, std::vector<MissingLeaves>> waiting_;
    std::size_t waiting_count_ = 0;
    std::uint64_t leaves_ = 0;
};

}  // namespace

std::uint64_t roll_back(Target& target, Journal& journal) {
    Undoing undoing(target);
    journal.each_made([&](Journal::Made made) { undoing.take(std::move(made)); });
    undoing.purge();
    for (const auto& name : journal.new_databases()) undoing.erase_if_empty(name);
    journal.set_state("rolled back");
    return undoing.leaves();
}

}  // namespace divan::import
