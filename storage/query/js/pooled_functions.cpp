#include "storage/query/js/pooled_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/base/crypto.h"
#include "storage/base/json.h"
#include "storage/base/log.h"
#include "storage/query/js/pooled_list.h"
#include "storage/query/js/refusal.h"

namespace divan::storage::js {
namespace {

// A request grows to this many bytes of documents, or to so many of them.
constexpr std::size_t batch_bytes = std::size_t{1} << 20;
constexpr std::size_t batch_documents_max = 1000;

/// What a worker's failures are to the callers of `Functions`.
template <class Call>
auto attempt(Call call) -> Result<decltype(call())> {
    try {
        return call();
    } catch (const Refused& refused) {
        return refused.error();
    } catch (const WorkerFailed& failed) {
        return failed.error();
    } catch (const BadFrame& bad) {  // A request that is too long.
        return WorkerFailed(bad.what()).error();
    }
}

template <class T>
std::size_t bytes_of(const T& item) {
    if constexpr (std::is_same_v<T, Validation>) {
        return item.new_document.size() + item.old_document.size();
    } else {
        return item.size();
    }
}

/// How many of `items` go into the next request: one at least.
template <class T>
std::size_t batch_size(std::span<const T> items) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (count < items.size() && count < batch_documents_max && bytes < batch_bytes) {
        bytes += bytes_of(items[count++]);
    }
    return count;
}

void append_all(ByteWriter fields, std::span<const BytesView> items) {
    fields.varint(items.size());
    for (const auto item : items) fields.sized(item);
}

void append_all(ByteWriter fields, std::span<const std::string> items) {
    fields.varint(items.size());
    for (const auto& item : items) fields.sized(item);
}

/// Rows with the place of their texts in the bytes of all answers: these still move.
struct RowPlace {
    std::size_t key;
    std::size_t key_size;
    std::size_t value;
    std::size_t value_size;
};

struct MappedBuilder {
    std::unique_ptr<Bytes> bytes = std::make_unique<Bytes>();
    std::vector<RowPlace> places;
    std::vector<std::uint32_t> ends;

    void add(ByteReader& fields, std::size_t cells) {
        const BytesView answer = fields.rest();
        const std::size_t base = bytes->size();
        bytes->append(answer);
        for (; cells > 0; --cells) {
            for (auto left = fields.varint(); left > 0; --left) {
                const auto key = fields.sized();
                const auto value = fields.sized();
                places.push_back(
                    {base + static_cast<std::size_t>(key.data() - answer.data()), key.size(),
                     base + static_cast<std::size_t>(value.data() - answer.data()), value.size()});
            }
            ends.push_back(static_cast<std::uint32_t>(places.size()));
        }
    }

    Mapped finish(std::size_t functions) && {
        std::vector<Row> rows;
        rows.reserve(places.size());
        const BytesView all = *bytes;
        for (const auto& place : places) {
            rows.push_back(
                {all.substr(place.key, place.key_size), all.substr(place.value, place.value_size)});
        }
        return {std::move(bytes), functions, std::move(rows), std::move(ends)};
    }
};

std::optional<Error> read_outcome(ByteReader& fields) {
    switch (static_cast<Outcome>(fields.u8())) {
        case Outcome::passed:
            return std::nullopt;
        case Outcome::threw:
            return validator_refusal(fields.sized());
        case Outcome::failed: {
            const auto name = fields.sized();
            return named_refusal(name, fields.sized());
        }
    }
    throw CorruptBytes();
}

Bytes json_object(BytesView text) {
    const auto parsed = parse_json(text);
    if (parsed.has_error() || !parsed->is_object()) throw CorruptBytes();
    return Bytes(text);
}

constexpr std::string_view overflow_member = R"({"reduce_overflow_error":)";

Bytes overflow_value(const std::string& why) {
    return Bytes(overflow_member) + json_string(why) + "}";
}

}  // namespace

PooledFunctions::PooledFunctions(WorkerPool& pool, Design design)
    : pool_(pool),
      design_(std::move(design)),
      context_(sha256(fmt::format("{}\n{}\n{}\n{}", design_.database, design_.id, design_.revision,
                                  sha256(design_.body)))) {}

FrameWriter& PooledFunctions::start(FrameWriter& request) const {
    request.fields().raw(context_);
    return request;
}

Result<Mapped> PooledFunctions::map(std::span<const std::string> functions,
                                    std::span<const BytesView> documents) {
    return attempt([&] {
        MappedBuilder mapped;
        auto lease = pool_.lease(design_, context_);
        while (!documents.empty()) {
            const auto batch = documents.first(batch_size(documents));
            FrameWriter request(Request::map);
            start(request);
            append_all(request.fields(), functions);
            append_all(request.fields(), batch);
            lease.ask(request, [&](ByteReader& fields) {
                mapped.add(fields, batch.size() * functions.size());
            });
            documents = documents.subspan(batch.size());
        }
        return std::move(mapped).finish(functions.size());
    });
}

Result<std::vector<Bytes>> PooledFunctions::reduce(std::span<const std::string> functions,
                                                   std::span<const ReduceRow> rows) {
    Bytes keys = "[";
    Bytes values = "[";
    for (const auto& row : rows) {
        if (keys.size() > 1) {
            keys += ',';
            values += ',';
        }
        keys.append("[").append(row.key).append(",");
        append_json_string(keys, row.id);
        keys += ']';
        values += row.value;
    }
    keys += ']';
    values += ']';
    return run_reduce(functions, keys, values);
}

Result<Bytes> PooledFunctions::rereduce(const std::string& function,
                                        std::span<const BytesView> values) {
    Bytes array = "[";
    for (const auto value : values) {
        // What was too much below stays so: couch_query_servers:get_overflow_error/1.
        if (value.starts_with(overflow_member)) return Bytes(value);
        if (array.size() > 1) array += ',';
        array += value;
    }
    array += ']';
    auto reduced = run_reduce({&function, 1}, "null", array);
    if (reduced.has_error()) return reduced.error();
    return std::move(reduced->front());
}

Result<std::vector<Bytes>> PooledFunctions::run_reduce(std::span<const std::string> functions,
                                                       BytesView keys, BytesView values) {
    return attempt([&] {
        auto lease = pool_.lease(design_, context_);
        FrameWriter request(Request::reduce);
        append_all(start(request).fields(), functions);
        request.fields().sized(keys);
        request.fields().sized(values);
        std::vector<Bytes> reduced;
        std::size_t output = 1;
        lease.ask(request, [&](ByteReader& fields) {
            while (reduced.size() < functions.size()) {
                reduced.emplace_back(fields.sized());
                output += reduced.back().size() + 1;
            }
        });
        const auto limit = pool_.settings().reduce;
        if (const auto why = limit.overflow(keys.size() + values.size(), output,
                                            design_.database + "/" + design_.id)) {
            log(LogLevel::warning, "reduce_overflow_error: " + *why);
            if (limit.mode == ReduceLimit::Mode::refuse) {
                std::fill(reduced.begin(), reduced.end(), overflow_value(*why));
            }
        }
        return reduced;
    });
}

Result<std::vector<std::optional<Error>>> PooledFunctions::validate(
    std::span<const Validation> edits, BytesView user, BytesView security) {
    return attempt([&] {
        std::vector<std::optional<Error>> outcomes;
        auto lease = pool_.lease(design_, context_);
        while (!edits.empty()) {
            const auto batch = edits.first(batch_size(edits));
            FrameWriter request(Request::validate);
            auto& fields = start(request).fields();
            fields.sized(user);
            fields.sized(security);
            fields.varint(batch.size());
            for (const auto& edit : batch) {
                fields.sized(edit.new_document);
                fields.sized(edit.old_document.empty() ? "null" : edit.old_document);
            }
            lease.ask(request, [&](ByteReader& answer) {
                for (auto left = batch.size(); left > 0; --left) {
                    outcomes.push_back(read_outcome(answer));
                }
            });
            edits = edits.subspan(batch.size());
        }
        return outcomes;
    });
}

/// `start_request` writes what comes before the documents of a batch.
template <class Start>
std::vector<bool> PooledFunctions::filter_batches(std::span<const BytesView> documents,
                                                  Start start_request) {
    std::vector<bool> passes;
    auto lease = pool_.lease(design_, context_);
    while (!documents.empty()) {
        const auto batch = documents.first(batch_size(documents));
        FrameWriter request;
        start_request(request);
        append_all(request.fields(), batch);
        lease.ask(request, [&](ByteReader& answer) {
            for (auto left = batch.size(); left > 0; --left) passes.push_back(answer.u8() != 0);
        });
        documents = documents.subspan(batch.size());
    }
    return passes;
}

Result<std::vector<bool>> PooledFunctions::filter(std::string_view name,
                                                  std::span<const BytesView> documents,
                                                  BytesView request_json) {
    return attempt([&] {
        return filter_batches(documents, [&](FrameWriter& request) {
            request.restart(Request::filter);
            start(request).fields().sized(name);
            request.fields().sized(request_json);
        });
    });
}

Result<std::vector<bool>> PooledFunctions::filter_view(std::string_view name,
                                                       std::span<const BytesView> documents) {
    return attempt([&] {
        return filter_batches(documents, [&](FrameWriter& request) {
            request.restart(Request::filter_view);
            start(request).fields().sized(name);
        });
    });
}

void PooledFunctions::ask_of_document(Request kind, std::string_view name, BytesView document,
                                      BytesView request_json,
                                      const std::function<void(ByteReader& answer)>& read) {
    auto lease = pool_.lease(design_, context_);
    FrameWriter request(kind);
    auto& fields = start(request).fields();
    fields.sized(name);
    fields.sized(document);
    fields.sized(request_json);
    lease.ask(request, read);
}

Result<Bytes> PooledFunctions::show(std::string_view name, BytesView document,
                                    BytesView request_json) {
    return attempt([&] {
        Bytes response;
        ask_of_document(Request::show, name, document, request_json,
                        [&](ByteReader& answer) { response = json_object(answer.sized()); });
        return response;
    });
}

Result<Updated> PooledFunctions::update(std::string_view name, BytesView document,
                                        BytesView request_json) {
    return attempt([&] {
        Updated updated;
        ask_of_document(Request::update, name, document, request_json, [&](ByteReader& answer) {
            updated.document = answer.sized();
            updated.response = json_object(answer.sized());
        });
        return updated;
    });
}

Result<std::optional<Bytes>> PooledFunctions::rewrite(BytesView request_json) {
    return attempt([&] {
        auto lease = pool_.lease(design_, context_);
        FrameWriter request(Request::rewrite);
        start(request).fields().sized(request_json);
        std::optional<Bytes> rewritten;
        lease.ask(request, [&](ByteReader& answer) {
            if (!answer.empty()) rewritten = answer.sized();
        });
        return rewritten;
    });
}

std::unique_ptr<List> PooledFunctions::list(std::string_view name, BytesView head,
                                            BytesView request_json) {
    auto request = std::make_unique<FrameWriter>(Request::list);
    auto& fields = start(*request).fields();
    fields.sized(name);
    fields.sized(head);
    fields.sized(request_json);
    return std::make_unique<PooledList>(pool_, design_, context_, std::move(request));
}

}  // namespace divan::storage::js
