#include "tools/bench/site.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <random>
#include <stdexcept>
#include <utility>

#include "tools/bench/documents.h"
#include "tools/bench/process.h"

namespace divan::bench {
namespace {

constexpr std::uint64_t load_at_once = 1000;

bool is_local(const Target& target) {
    return target.host == "localhost" || target.host == "::1" || target.host.starts_with("127.");
}

}  // namespace

std::string make_bulk(std::uint64_t first, std::uint64_t count, std::size_t document_bytes) {
    std::string body = R"({"docs":[)";
    for (std::uint64_t number = first; number < first + count; ++number) {
        if (number > first) body += ',';
        body += make_document(number, document_bytes, make_id(number));
    }
    return body + "]}";
}

Site::Site(const std::string& url, Sizes sizes, std::optional<int> process)
    : target_(Target::parse(url)), sizes_(sizes), process_(process) {
    server_ = expect(200, "GET", "/");
    while (!server_.empty() && server_.back() == '\n') server_.pop_back();
    if (!process_ && is_local(target_)) process_ = process_listening_on(target_.port);
    if (process_) {
        if (const auto usage = usage_of(*process_)) memory_at_first_ = usage->resident_bytes;
    }
    name_ = fmt::format("bench-{:08x}", std::random_device{}());
}

Site::~Site() {
    for (const std::string& database : databases_) {
        try {
            int status = 0;
            call(target_, "DELETE", "/" + database, {}, {}, status);
        } catch (const std::exception& gone) {
            fmt::print(stderr, "{} stays behind: {}\n", database, gone.what());
        }
    }
}

const std::string& Site::corpus() {
    if (!corpus_.empty()) return corpus_;
    const std::string database = name_ + "-corpus";
    create(database);
    for (std::uint64_t first = 0; first < sizes_.documents; first += load_at_once) {
        const auto count = std::min(load_at_once, sizes_.documents - first);
        expect(201, "POST", "/" + database + "/_bulk_docs", "application/json",
               make_bulk(first, count, sizes_.document_bytes));
    }
    return corpus_ = database;
}

const std::string& Site::files() {
    if (!files_.empty()) return files_;
    const std::string database = name_ + "-files";
    create(database);
    for (std::size_t i = 0; i < file_count; ++i) {
        const std::string bytes = make_noise(i, sizes_.attachment_bytes);
        const std::string path = fmt::format("/{}/a{}/file", database, i);
        expect(201, "PUT", path, "application/octet-stream", bytes);
    }
    return files_ = database;
}

std::string Site::make_view(std::uint64_t number) {
    const auto design = fmt::format("/{}/_design/bench{}", corpus(), number);
    const auto body = fmt::format(
        R"({{"views":{{"v":{{"map":"function (doc) {{ // {}\n emit(doc._id, 1); )"
        R"(emit([doc._id.slice(-2), 1], 1); }}","reduce":"_sum"}}}}}})",
        number);
    expect(201, "PUT", design, "application/json", body);
    return design + "/_view/v";
}

const std::string& Site::view() {
    if (view_.empty()) {
        view_ = make_view(next_number());
        expect(200, "GET", view_ + "?limit=0&reduce=false");
    }
    return view_;
}

const std::string& Site::scratch() {
    if (scratch_.empty()) {
        create(name_ + "-scratch");
        scratch_ = name_ + "-scratch";
    }
    return scratch_;
}

const std::string& Site::guarded() {
    if (guarded_.empty()) {
        create(name_ + "-guarded");
        guarded_ = name_ + "-guarded";
        expect(201, "PUT", "/" + guarded_ + "/_design/bench", "application/json",
               R"({"validate_doc_update":"function (doc, old, user) { )"
               R"(if (typeof doc.number !== 'number') throw {forbidden: 'number'}; )"
               R"(if (old && user.roles.indexOf('_admin') < 0) throw {unauthorized: 'no'}; }"})");
        acknowledged(guarded_, 1);
    }
    return guarded_;
}

std::string Site::filter() {
    if (!std::exchange(has_filter_, true)) {
        expect(201, "PUT", "/" + corpus() + "/_design/bench", "application/json",
               R"({"filters":{"half":"function (doc) { return doc.number < 500000; }"}})");
    }
    return "bench/half";
}

void Site::check_acknowledged() {
    for (const auto& [database, written] : acknowledged_) {
        const auto info = boost::json::parse(expect(200, "GET", "/" + database));
        const auto count = info.at("doc_count").to_number<std::uint64_t>();
        if (count == written) continue;
        throw std::runtime_error(fmt::format("{}: {} documents were acknowledged, {} are there",
                                             target_.url, written, count));
    }
}

void Site::create(const std::string& database) {
    expect(201, "PUT", "/" + database, "application/json");
    databases_.push_back(database);
}

std::string Site::expect(int status, std::string_view method, const std::string& path,
                         std::string_view content_type, std::string_view body) {
    int got = 0;
    std::string answer = call(target_, method, path, content_type, body, got);
    if (got != status) {
        throw std::runtime_error(fmt::format("{}: {} {} was answered with {}: {}", target_.url,
                                             method, path, got, answer.substr(0, 300)));
    }
    return answer;
}

}  // namespace divan::bench
