#include "server/handlers/queries/mango_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/json_body.h"
#include "server/services.h"
#include "storage/document/client_document.h"
#include "storage/query/mango/definition.h"
#include "storage/query/mango/index_cache.h"

namespace divan::server {
namespace {

using storage::mango::Index;
using storage::mango::Indexes;

constexpr std::string_view design_prefix = "_design/";

std::string design_id(const std::string& name) {
    return name.starts_with(design_prefix) ? name : std::string(design_prefix) + name;
}

std::optional<std::uint64_t> index_parameter(const Call& call, std::string_view name,
                                             std::uint64_t least) {
    const auto* const text = call.parameter(name);
    if (text == nullptr) return std::nullopt;
    std::uint64_t value = 0;
    const auto* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || value < least) {
        throw Refused(Error{Code::internal_error, "Index parameter ranges: limit > 1, skip > 0",
                            "invalid_list_index_params"});
    }
    return value;
}

Task<Indexes> read_indexes(Call& call) {
    Indexes indexes;
    co_await call.services.on_storage(
        [&] { indexes = call.services.mango_indexes->of(*call.db().view()); });
    co_return indexes;
}

/// A design document as it is stored, where it is not deleted.
struct StoredDesign {
    storage::WinnerDocument winner;
    JsonValue document;
};

std::optional<StoredDesign> read_design(Call& call, const std::string& id) {
    auto winner = storage::read_winner(call.db(), id);
    if (!winner || winner->head.deleted) return std::nullopt;
    auto document = parse_json(winner->body.text()).value();
    return StoredDesign{std::move(*winner), std::move(document)};
}

/// An edit that gives a design document another text. Its attachments stay.
storage::Edit edit_to(const std::string& id, const std::optional<StoredDesign>& stored,
                      std::string_view text) {
    auto document = storage::parse_client_document(text).value();
    storage::Edit edit;
    if (stored) edit = edit_of(id, stored->winner.head.winner, stored->winner.body);
    edit.id = id;
    edit.body = std::move(document.body);
    edit.term = std::move(document.term);
    return edit;
}

/// What the client hears of a write that was refused: mango_httpd's `error_saving_ddoc`.
[[noreturn]] void refuse_saving(const Error& error) {
    if (error.code == Code::unauthorized || error.code == Code::forbidden) throw Refused(error);
    auto reason = error.code == Code::conflict
                      ? std::string("Encountered a conflict while saving the design document.")
                      : fmt::format("Unknown error while saving the design document: {}",
                                    describe(error).name);
    throw Refused(Error{Code::internal_error, std::move(reason), "error_saving_ddoc"});
}

/// Takes indexes out of their design document; the document goes with the last one.
Task<void> remove_indexes(Call& call, const std::string& design, std::vector<std::string> names) {
    std::optional<storage::Edit> edit;
    co_await call.services.on_storage([&] {
        const auto stored = read_design(call, design);
        if (!stored) return;
        const auto text = storage::mango::without_indexes(stored->document, names);
        edit = edit_to(design, stored, text.value_or("{}"));
        edit->deleted = !text;
        if (edit->deleted) edit->attachments.clear();
    });
    if (!edit) throw Refused(Code::not_found, "missing");
    const auto written = co_await write_edit(call, std::move(*edit));
    if (!written) refuse_saving(written.error());
}

/// The names of a design document's indexes; `name` and `type` narrow them where they are given.
std::vector<std::string> index_names(const Indexes& indexes, std::string_view design,
                                     const std::string* type = nullptr,
                                     const std::string* name = nullptr) {
    std::vector<std::string> names;
    for (const auto& index : *indexes) {
        if (index.all_docs() || index.design != design) continue;
        if (type != nullptr && *type != "json") continue;
        if (name != nullptr && *name != index.name) continue;
        names.push_back(index.name);
    }
    return names;
}

}  // namespace

Task<Response> get_indexes(Call& call) {
    const auto limit = index_parameter(call, "limit", 1);
    const auto skip = index_parameter(call, "skip", 0).value_or(0);
    const auto indexes = co_await read_indexes(call);
    std::string body = fmt::format("{{\"total_rows\":{},\"indexes\":[", indexes->size());
    const auto first = std::min<std::uint64_t>(skip, indexes->size());
    const auto count =
        std::min<std::uint64_t>(limit.value_or(indexes->size()), indexes->size() - first);
    for (auto at = first; at < first + count; ++at) {
        if (at > first) body.push_back(',');
        storage::mango::append_index(body, (*indexes)[static_cast<std::size_t>(at)]);
    }
    co_return json_response(200, body + "]}\n");
}

Task<Response> post_index(Call& call) {
    require_json_type(call.request);
    const auto definition = storage::mango::parse_definition(co_await read_json_object(call));
    std::optional<storage::Edit> edit;
    co_await call.services.on_storage([&] {
        const auto stored = read_design(call, definition.design);
        const auto text =
            storage::mango::with_index(stored ? &stored->document : nullptr, definition);
        if (text) edit = edit_to(definition.design, stored, *text);
    });
    if (edit) {
        check_writable_id(call, definition.design).value();
        const auto written = co_await write_edit(call, std::move(*edit));
        if (!written) refuse_saving(written.error());
    }
    co_return json_response(
        200, fmt::format(R"({{"result":"{}","id":{},"name":{}}})", edit ? "created" : "exists",
                         json_string(definition.design), json_string(definition.name)) +
                 "\n");
}

Task<Response> delete_index(Call& call) {
    const auto design = design_id(call.path("ddoc"));
    const auto indexes = co_await read_indexes(call);
    auto names = index_names(indexes, design, &call.path("type"), &call.path("name"));
    if (names.empty()) throw Refused(Code::not_found, "missing");
    co_await remove_indexes(call, design, std::move(names));
    co_return ok_response();
}

Task<Response> post_index_bulk_delete(Call& call) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    const auto indexes = co_await read_indexes(call);
    std::vector<std::string> success;
    std::vector<std::string> fail;
    for (const auto& given : storage::mango::parse_bulk_delete(body)) {
        const auto design = design_id(given);
        auto names = index_names(indexes, design);
        if (names.empty()) {
            fail.push_back(fmt::format(R"({{"id":{},"error":"not_found"}})", json_string(design)));
            continue;
        }
        co_await remove_indexes(call, design, std::move(names));
        success.push_back(fmt::format(R"({{"id":{},"ok":true}})", json_string(design)));
    }
    // CouchDB gathers both lists backwards.
    std::reverse(success.begin(), success.end());
    std::reverse(fail.begin(), fail.end());
    co_return json_response(200, fmt::format(R"({{"success":[{}],"fail":[{}]}})",
                                             fmt::join(success, ","), fmt::join(fail, ",")) +
                                     "\n");
}

Task<Response> refuse_index_path(Call&) {
    co_return refusal(Code::not_found, "missing");
}

}  // namespace divan::server
