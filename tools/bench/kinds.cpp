#include "tools/bench/kinds.h"

#include <fmt/format.h>

#include <stdexcept>

#include "tools/bench/documents.h"
#include "tools/bench/function_kinds.h"
#include "tools/bench/slice.h"
#include "tools/bench/view_kinds.h"

namespace divan::bench {
namespace {

constexpr std::uint64_t bulk_documents = 500;
constexpr std::uint64_t get_documents = 100;
constexpr double megabyte = 1e6;

// PUT /db/id, each a new document.
class Puts : public Slice {
public:
    Puts(Site& site, Limits limits, std::size_t, Samples& samples)
        : Slice(site, limits, samples, 201), database_(site.scratch()) {
        for (std::uint64_t i = 0; i < 512; ++i) {
            pool_.push_back(make_document(i, site.sizes().document_bytes));
        }
    }

private:
    void fill(std::size_t, Exchange& exchange) override {
        const std::uint64_t number = site_.next_number();
        exchange.body = pool_[number % pool_.size()];
        const std::string path = fmt::format("/{}/{}", database_, make_id(number));
        exchange.head =
            site_.target().head("PUT", path, "application/json", exchange.body.size());
    }
    double items(const ReplyParser&) override {
        site_.acknowledged(database_, 1);
        return 1;
    }

    const std::string& database_;
    std::vector<std::string> pool_;
};

// POST /db/_bulk_docs. The body is made once a client; then only its ids are overwritten, so that
// the measuring costs little.
class Bulks : public Slice {
public:
    Bulks(Site& site, Limits limits, std::size_t clients, Samples& samples,
          const std::string& database)
        : Slice(site, limits, samples, 201), database_(database), bodies_(clients) {
        for (std::size_t i = 0; i < clients; ++i) {
            bodies_[i] = make_bulk(i * bulk_documents, bulk_documents,
                                   site.sizes().document_bytes);
        }
        for (std::size_t at = 0; (at = bodies_[0].find(mark, at)) != std::string::npos;) {
            id_at_.push_back(at += mark.size());
        }
        head_ = site.target().head("POST", fmt::format("/{}/_bulk_docs", database),
                                   "application/json", bodies_[0].size());
    }

private:
    static constexpr std::string_view mark = R"({"_id":")";

    void fill(std::size_t client, Exchange& exchange) override {
        for (const std::size_t at : id_at_) {
            bodies_[client].replace(at, id_bytes, make_id(site_.next_number()));
        }
        exchange.head = head_;
        exchange.body = bodies_[client];
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, bulk_documents * 40);
        site_.acknowledged(database_, bulk_documents);
        return bulk_documents;
    }

    const std::string& database_;
    std::vector<std::string> bodies_;
    std::vector<std::size_t> id_at_;
    std::string head_;
};

// GET /db/id of a random document.
class Gets : public Slice {
public:
    Gets(Site& site, Limits limits, std::size_t, Samples& samples)
        : Slice(site, limits, samples, 200), database_(site.corpus()), numbers_(7) {}

private:
    void fill(std::size_t, Exchange& exchange) override {
        const auto number = numbers_.below(site_.sizes().documents);
        exchange.head = site_.target().head(
            "GET", fmt::format("/{}/{}", database_, make_id(number)), {}, 0);
        exchange.body = {};
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, site_.sizes().document_bytes);
        return 1;
    }

    const std::string& database_;
    Numbers numbers_;
};

// GET /, with a session's cookie or with nothing: the difference is what a session costs.
class Welcomes : public Slice {
public:
    Welcomes(Site& site, Limits limits, Samples& samples, bool with_session)
        : Slice(site, limits, samples, 200) {
        auto target = site.target();
        target.authorization =
            with_session ? fmt::format("Cookie: {}\r\n", sign_in(site.target())) : "";
        head_ = target.head("GET", "/", {}, 0);
    }

private:
    void fill(std::size_t, Exchange& exchange) override { exchange.head = head_; }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, 40);
        return 1;
    }

    std::string head_;
};

// A list of the whole corpus: `_all_docs` or `_changes`.
class Lists : public Slice {
public:
    Lists(Site& site, Limits limits, Samples& samples, std::string_view path, bool documents)
        : Slice(site, limits, samples, 200),
          row_bytes_(documents ? site.sizes().document_bytes : 40),
          head_(site.target().head("GET", fmt::format("/{}/{}", site.corpus(), path), {}, 0)) {}

private:
    void fill(std::size_t, Exchange& exchange) override { exchange.head = head_; }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, site_.sizes().documents * row_bytes_);
        return static_cast<double>(site_.sizes().documents);
    }

    const std::uint64_t row_bytes_;
    const std::string head_;
};

// POST /db/_find, of what no document has: each one is looked at.
class Scans : public Slice {
public:
    Scans(Site& site, Limits limits, std::size_t, Samples& samples)
        : Slice(site, limits, samples, 200),
          head_(site.target().head("POST", fmt::format("/{}/_find", site.corpus()),
                                   "application/json", body.size())) {}

private:
    static constexpr std::string_view body = R"({"selector":{"number":{"$lt":0}}})";

    void fill(std::size_t, Exchange& exchange) override {
        exchange.head = head_;
        exchange.body = body;
    }
    double items(const ReplyParser&) override {
        return static_cast<double>(site_.sizes().documents);
    }

    const std::string head_;
};

// POST /db/_find of 25 documents by an index, from a random value on.
class IndexedFinds : public Slice {
public:
    IndexedFinds(Site& site, Limits limits, std::size_t clients, Samples& samples)
        : Slice(site, limits, samples, 200), bodies_(clients), numbers_(13) {
        constexpr std::string_view index =
            R"({"index":{"fields":["number"]},"ddoc":"by-number","name":"by-number"})";
        int status = 0;
        const auto answer = call(site.target(), "POST", fmt::format("/{}/_index", site.corpus()),
                                 "application/json", index, status);
        if (status != 200) throw std::runtime_error("no index: " + answer);
        path_ = fmt::format("/{}/_find", site.corpus());
        call(site.target(), "POST", path_, "application/json", body_from(0), status);
    }

private:
    static constexpr std::size_t found = 25;

    static std::string body_from(std::uint64_t number) {
        return fmt::format(R"({{"selector":{{"number":{{"$gte":{}}}}},"limit":{}}})", number,
                           found);
    }
    void fill(std::size_t client, Exchange& exchange) override {
        bodies_[client] = body_from(numbers_.below(500'000));
        exchange.body = bodies_[client];
        exchange.head =
            site_.target().head("POST", path_, "application/json", exchange.body.size());
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, found * site_.sizes().document_bytes);
        return 1;
    }

    std::vector<std::string> bodies_;
    std::string path_;
    Numbers numbers_;
};

// POST /db/_bulk_get?revs=true of random documents.
class BulkGets : public Slice {
public:
    BulkGets(Site& site, Limits limits, std::size_t clients, Samples& samples)
        : Slice(site, limits, samples, 200), bodies_(clients), numbers_(11) {
        std::string body = R"({"docs":[)";
        for (std::uint64_t i = 0; i < get_documents; ++i) {
            body += i == 0 ? R"({"id":")" : R"(,{"id":")";
            id_at_.push_back(body.size());
            body += make_id(0) + "\"}";
        }
        body += "]}";
        std::fill(bodies_.begin(), bodies_.end(), body);
        head_ = site.target().head("POST", fmt::format("/{}/_bulk_get?revs=true", site.corpus()),
                                   "application/json", body.size());
        // CouchDB answers in parts where JSON is not asked for.
        const auto accept = head_.find("*/*");
        head_.replace(accept, 3, "application/json");
    }

private:
    void fill(std::size_t client, Exchange& exchange) override {
        for (const std::size_t at : id_at_) {
            bodies_[client].replace(at, id_bytes,
                                    make_id(numbers_.below(site_.sizes().documents)));
        }
        exchange.head = head_;
        exchange.body = bodies_[client];
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, get_documents * site_.sizes().document_bytes);
        return get_documents;
    }

    std::vector<std::string> bodies_;
    std::vector<std::size_t> id_at_;
    Numbers numbers_;
    std::string head_;
};

// PUT /db/id/file, each at a new document.
class Uploads : public Slice {
public:
    Uploads(Site& site, Limits limits, std::size_t, Samples& samples)
        : Slice(site, limits, samples, 201),
          database_(site.scratch()),
          bytes_(make_noise(1, site.sizes().attachment_bytes)) {}

private:
    void fill(std::size_t, Exchange& exchange) override {
        const std::string path =
            fmt::format("/{}/{}/file", database_, make_id(site_.next_number()));
        exchange.head =
            site_.target().head("PUT", path, "application/octet-stream", bytes_.size());
        exchange.body = bytes_;
    }
    double items(const ReplyParser&) override {
        site_.acknowledged(database_, 1);
        return static_cast<double>(bytes_.size()) / megabyte;
    }

    const std::string& database_;
    const std::string bytes_;
};

// GET /db/id/file.
class Downloads : public Slice {
public:
    Downloads(Site& site, Limits limits, std::size_t, Samples& samples)
        : Slice(site, limits, samples, 200), database_(site.files()) {}

private:
    void fill(std::size_t, Exchange& exchange) override {
        const std::string path = fmt::format("/{}/a{}/file", database_, at_++ % Site::file_count);
        exchange.head = site_.target().head("GET", path, {}, 0);
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, site_.sizes().attachment_bytes);
        return static_cast<double>(reply.body_bytes()) / megabyte;
    }

    const std::string& database_;
    std::size_t at_ = 0;
};

template <class T>
std::unique_ptr<Work> make(Site& site, Limits limits, std::size_t clients, Samples& samples) {
    return std::make_unique<T>(site, limits, clients, samples);
}

struct PlainBulks : Bulks {
    PlainBulks(Site& site, Limits limits, std::size_t clients, Samples& samples)
        : Bulks(site, limits, clients, samples, site.scratch()) {}
};
struct ValidatedBulks : Bulks {
    ValidatedBulks(Site& site, Limits limits, std::size_t clients, Samples& samples)
        : Bulks(site, limits, clients, samples, site.guarded()) {}
};
struct WelcomesOfNobody : Welcomes {
    WelcomesOfNobody(Site& site, Limits limits, std::size_t, Samples& samples)
        : Welcomes(site, limits, samples, false) {}
};
struct WelcomesOfSession : Welcomes {
    WelcomesOfSession(Site& site, Limits limits, std::size_t, Samples& samples)
        : Welcomes(site, limits, samples, true) {}
};
struct AllDocs : Lists {
    AllDocs(Site& site, Limits limits, std::size_t, Samples& samples)
        : Lists(site, limits, samples, "_all_docs", false) {}
};
struct AllDocsWithDocs : Lists {
    AllDocsWithDocs(Site& site, Limits limits, std::size_t, Samples& samples)
        : Lists(site, limits, samples, "_all_docs?include_docs=true", true) {}
};
struct Changes : Lists {
    Changes(Site& site, Limits limits, std::size_t, Samples& samples)
        : Lists(site, limits, samples, "_changes", false) {}
};
struct ChangesWithDocs : Lists {
    ChangesWithDocs(Site& site, Limits limits, std::size_t, Samples& samples)
        : Lists(site, limits, samples, "_changes?include_docs=true", true) {}
};

constexpr std::uint64_t many = 1000000;

constexpr Kind table[] = {
    {"put", "durable PUTs of new documents", "docs/s", 16, many, make<Puts>},
    {"put-1", "the same by one client", "docs/s", 1, many, make<Puts>},
    {"bulk", "_bulk_docs of 500 new documents", "docs/s", 4, 2000, make<PlainBulks>},
    {"bulk-validate", "the same through a validator in JavaScript", "docs/s", 4, 2000,
     make<ValidatedBulks>},
    {"get", "GET of a random document", "docs/s", 16, many, make<Gets>},
    {"all-docs", "_all_docs of all documents", "rows/s", 1, many, make<AllDocs>},
    {"all-docs-docs", "the same with include_docs", "rows/s", 1, many, make<AllDocsWithDocs>},
    {"changes", "_changes of all documents", "rows/s", 1, many, make<Changes>},
    {"changes-docs", "the same with include_docs", "rows/s", 1, many, make<ChangesWithDocs>},
    {"changes-filter", "_changes through a function that takes half", "docs/s", 1, many,
     make_function_changes},
    {"changes-selector", "_changes through a selector that takes half", "docs/s", 1, many,
     make_selector_changes},
    {"bulk-get", "_bulk_get of 100 documents, revs=true", "docs/s", 4, many, make<BulkGets>},
    {"find", "_find that looks at all documents", "docs/s", 1, many, make<Scans>},
    {"find-index", "_find of 25 documents by an index", "queries/s", 16, many, make<IndexedFinds>},
    {"file-put", "upload of an attachment", "MB/s", 2, 40, make<Uploads>},
    {"file-get", "download of an attachment", "MB/s", 2, many, make<Downloads>},
    {"view-build", "building a view: two emits a document, _sum", "docs/s", 1, 20,
     make_view_builds},
    {"view-range", "100 rows of a view from a random key on", "queries/s", 1, many,
     make_view_ranges},
    {"view-reduce", "_sum of a random range of the view", "queries/s", 1, many,
     make_view_reduces},
    {"view-group", "group_level=1 over the view: 100 groups", "queries/s", 1, many,
     make_view_groups},
    {"welcome", "GET / by nobody", "requests/s", 16, many, make<WelcomesOfNobody>},
    {"welcome-session", "GET / with a session's cookie", "requests/s", 16, many,
     make<WelcomesOfSession>},
};

}  // namespace

std::span<const Kind> kinds() {
    return table;
}

}  // namespace divan::bench
