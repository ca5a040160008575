#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/load_loop.h"

namespace divan::bench {

struct Sizes {
    std::uint64_t documents = 20000;
    std::size_t document_bytes = 450;
    std::size_t attachment_bytes = 8U << 20;
};

/// One server under test, with databases of our own on it that go when this object goes.
class Site {
public:
    /// `process` is the server's; found by the port where it is not given and the server is local.
    /// Throws `std::runtime_error` where the server does not answer, or lets us make no database.
    Site(const std::string& url, Sizes sizes, std::optional<int> process);
    ~Site();
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    const Target& target() const { return target_; }
    const Sizes& sizes() const { return sizes_; }
    const std::string& server() const { return server_; }  ///< What it says of itself.
    std::optional<int> process() const { return process_; }
    std::optional<std::uint64_t> memory_at_first() const { return memory_at_first_; }

    /// A database with `sizes().documents` documents, made at the first call.
    const std::string& corpus();
    /// A database with an attachment "file" at each of the documents "a0", "a1", …, made at the
    /// first call.
    const std::string& files();
    static constexpr std::size_t file_count = 4;
    /// The path of a new view of the corpus that nobody has asked for. Two rows a document: one by
    /// its id, and one by ["xx", 1], where xx are the id's last two digits.
    std::string make_view(std::uint64_t number);
    static constexpr std::uint64_t view_groups = 100;
    /// Such a view, built, the same at every call.
    const std::string& view();
    /// A filter function of the corpus that lets half of the documents pass: "bench/half".
    std::string filter();
    /// A database that writes go to.
    const std::string& scratch();
    /// Another one, where a validator in JavaScript looks at each document.
    const std::string& guarded();
    /// A number never given before: every document that is written gets one.
    std::uint64_t next_number() { return next_number_++; }
    /// Counts documents of `scratch` or `guarded` whose write was acknowledged.
    void acknowledged(const std::string& database, std::uint64_t documents) {
        acknowledged_[database] += documents;
    }
    /// Throws where these do not hold exactly what was acknowledged.
    void check_acknowledged();

private:
    void create(const std::string& database);
    std::string expect(int status, std::string_view method, const std::string& path,
                       std::string_view content_type = {}, std::string_view body = {});

    const Target target_;
    const Sizes sizes_;
    std::string server_;
    std::string name_;
    std::optional<int> process_;
    std::optional<std::uint64_t> memory_at_first_;
    std::vector<std::string> databases_;
    std::string corpus_;
    bool has_filter_ = false;
    std::string scratch_;
    std::string guarded_;
    std::string files_;
    std::string view_;
    std::uint64_t next_number_ = 0;
    std::map<std::string, std::uint64_t> acknowledged_;
};

/// The body of a `_bulk_docs` request of documents numbered from `first` on.
std::string make_bulk(std::uint64_t first, std::uint64_t count, std::size_t document_bytes);

}  // namespace divan::bench
