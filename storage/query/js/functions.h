#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

// What the rest of the server asks of JavaScript. Nothing here knows of processes and pipes:
// `worker_pool.h` answers with real ones, tests of views with functions written in C++.

namespace divan::storage::js {

/// The design document whose functions run, and the database it is in. Functions of two of them
/// never share a global.
struct Design {
    std::string database;
    std::string id;        ///< "_design/name".
    std::string revision;  ///< "1-abc…"; with `id` it names `body` for good.
    Bytes body;            ///< The whole document as a JSON object, `_id` and `_rev` included.
};

/// What a map function emitted: two JSON texts as JSON.stringify writes them. They are not
/// normalised (1e+21, "\udc00"): use storage/base/json_normaliser.h before storing them.
struct Row {
    BytesView key;
    BytesView value;
};

/// What a batch of documents was mapped to.
class Mapped {
public:
    /// `bytes` is what rows point into. `ends[document * functions + function]` is the number of
    /// rows up to there.
    Mapped(std::unique_ptr<const Bytes> bytes, std::size_t functions, std::vector<Row> rows,
           std::vector<std::uint32_t> ends)
        : bytes_(std::move(bytes)),
          functions_(functions),
          rows_(std::move(rows)),
          ends_(std::move(ends)) {}

    std::size_t documents() const { return functions_ == 0 ? 0 : ends_.size() / functions_; }
    std::size_t functions() const { return functions_; }

    /// In the order in which they were emitted. Valid as long as this object.
    std::span<const Row> rows(std::size_t document, std::size_t function) const {
        const std::size_t cell = document * functions_ + function;
        const std::size_t begin = cell == 0 ? 0 : ends_[cell - 1];
        return std::span(rows_).subspan(begin, ends_[cell] - begin);
    }

private:
    std::unique_ptr<const Bytes> bytes_;
    std::size_t functions_;
    std::vector<Row> rows_;
    std::vector<std::uint32_t> ends_;
};

/// A row on its way into a reduction.
struct ReduceRow {
    BytesView id;  ///< The document's, as plain text.
    BytesView key;
    BytesView value;
};

/// One edit for a validator: JSON objects with `_id`, `_rev`, `_revisions`, `_attachments`.
struct Validation {
    BytesView new_document;
    BytesView old_document;  ///< Empty for null.
};

/// What an update function returned.
struct Updated {
    Bytes document;  ///< JSON; "null" where nothing is to be written.
    Bytes response;  ///< A JSON object: `code`, `headers`, `body`, `base64`, `json`.
};

/// What a list function has to say before it asks for more rows, or at its end.
struct ListPart {
    /// What it gave to start(): a JSON object. In the first part, and again where it is another:
    /// the last one up to the first output counts.
    std::optional<Bytes> start;
    Bytes output;                ///< What it sent, to go out as it is.
    bool ended = false;          ///< It takes no more rows.
};

/// A list function that runs. It holds a worker: end it soon. One thread at a time.
class List {
public:
    virtual ~List() = default;
    /// Runs it until it asks for its first row.
    virtual Result<ListPart> begin() = 0;
    /// Gives it rows (JSON objects) until it asks for more than these, or ends.
    virtual Result<ListPart> feed(std::span<const Bytes> rows) = 0;
    /// There are no more rows: runs it to its end.
    virtual Result<ListPart> finish() = 0;
};

/// The functions of one design document. Safe to use from any thread; calls block until the
/// answer is there, so make them where blocking is fine. Holds no worker between calls.
///
/// Refusals: what the function threw as CouchDB tells it (`forbidden`, `compilation_error`, a
/// `TypeError`…), or `os_process_error` where it looped, ate its memory or took its worker down.
/// Batches are answered whole or refused whole.
class Functions {
public:
    virtual ~Functions() = default;

    /// Runs every map function over every document (JSON objects, `_id` and `_rev` included).
    /// `require` sees `views.lib`. A function that throws emits nothing for that document, and the
    /// log has a line.
    virtual Result<Mapped> map(std::span<const std::string> functions,
                               std::span<const BytesView> documents) = 0;

    /// One JSON text a function, null where it threw. A reduction that grows too much is
    /// {"reduce_overflow_error": …}, by `[query_server_config] reduce_limit`.
    virtual Result<std::vector<Bytes>> reduce(std::span<const std::string> functions,
                                              std::span<const ReduceRow> rows) = 0;
    virtual Result<Bytes> rereduce(const std::string& function,
                                   std::span<const BytesView> values) = 0;

    /// Runs `validate_doc_update` on each. The answer has an entry for each edit: empty where it
    /// may be written. `user` and `security` are JSON objects.
    virtual Result<std::vector<std::optional<Error>>> validate(std::span<const Validation> edits,
                                                               BytesView user,
                                                               BytesView security) = 0;

    /// Which documents `filters.<name>` lets pass. `request` is a JSON object.
    virtual Result<std::vector<bool>> filter(std::string_view name,
                                             std::span<const BytesView> documents,
                                             BytesView request) = 0;
    /// Which documents the map function of `views.<name>` emits anything for.
    virtual Result<std::vector<bool>> filter_view(std::string_view name,
                                                  std::span<const BytesView> documents) = 0;

    /// The response of `shows.<name>`, as in `Updated::response`. `document` is JSON or "null".
    virtual Result<Bytes> show(std::string_view name, BytesView document, BytesView request) = 0;
    virtual Result<Updated> update(std::string_view name, BytesView document,
                                   BytesView request) = 0;
    /// What the function in `rewrites` returned, a JSON object; empty where no rule applies.
    virtual Result<std::optional<Bytes>> rewrite(BytesView request) = 0;
    virtual std::unique_ptr<List> list(std::string_view name, BytesView head,
                                       BytesView request) = 0;
};

/// Who has JavaScript. Outlives everything it gives; safe to use from any thread.
class Runtime {
public:
    virtual ~Runtime() = default;

    virtual std::shared_ptr<Functions> functions(Design design) = 0;

    /// Refuses a design document with a view whose function does not compile
    /// (`compilation_error`, `not_found` for an empty source), as CouchDB does where one is
    /// written: couch_mrview:validate/2. `body` is the normalised object. Passes what is no
    /// JavaScript.
    virtual Result<void> check_views(std::string_view database, BytesView body) = 0;

    /// Later calls find everything made anew. Calls under way are not disturbed.
    virtual void renew() = 0;
};

}  // namespace divan::storage::js
