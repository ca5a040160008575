#include "server/handlers/queries/all_docs.h"

#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/json_body.h"
#include "server/handlers/queries/all_docs_rows.h"

namespace divan::server {
namespace {

void check(Call& call, RowQuery& query) {
    check_rows(query, call.services.config);
    if (query.include_docs && !sees_all_users(call)) check_user_reader(call, "_design/").value();
    keep_in_partition(query, call.db().entry().partitioned);
}

void check_keys(const Call& call, DocumentKind kind, const RowQuery& query) {
    if (!query.keys || kind == DocumentKind::local) return;
    for (const auto& key : query.keys->items()) check_names_partition(call, key.string()).value();
}

Task<Response> answer(Call& call, DocumentKind kind, RowQuery query) {
    check(call, query);
    check_keys(call, kind, query);
    std::vector<std::unique_ptr<RowList>> lists;
    lists.push_back(list_documents(kind, query, call.database, call.db().view()));
    co_return co_await answer_rows(call.services, std::move(lists), false);
}

/// The first `keys` of the query, which must be an array. The others are read with the rest.
void take_first_keys(const Request& request, RowQuery& query) {
    for (const auto& parameter : request.query) {
        if (parameter.name != "keys") continue;
        auto keys = parse_json(parameter.value).value();
        if (!keys.is_array()) {
            throw Refused(Code::bad_request, "`keys` parameter must be an array.");
        }
        query.keys = std::move(keys);
        return;
    }
}

/// Only a plain list of local documents leaves some out; one of several queries does not.
bool hides_system(const Call& call) {
    const auto* shown = first_parameter(call.request, "include_system");
    return shown == nullptr || *shown != "true";
}

Task<Response> get_documents(Call& call, DocumentKind kind) {
    RowQuery query;
    query.without_system = hides_system(call);
    take_first_keys(call.request, query);
    read_parameters(call.request, query);
    co_return co_await answer(call, kind, std::move(query));
}

Task<Response> post_documents(Call& call, DocumentKind kind) {
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    RowQuery query;
    query.without_system = hides_system(call);
    if (const auto* keys = body.find("keys")) {
        if (!keys->is_array()) {
            throw Refused(Code::bad_request, "`keys` body member must be an array.");
        }
        query.keys = *keys;
    }
    read_members(body, query);
    read_parameters(call.request, query);
    co_return co_await answer(call, kind, std::move(query));
}

/// Each query goes over what the request's query says, except for its `keys`. Unlike elsewhere a
/// single key in `keys` is only a `key`.
RowQuery one_of_several(Call& call, DocumentKind kind, const RowQuery& common,
                        const JsonValue& given) {
    if (!given.is_object()) {
        throw Refused(Code::bad_request, "`queries` member must be an array of objects.");
    }
    RowQuery query = common;
    query.keys.reset();
    read_members(given, query);
    check(call, query);
    check_keys(call, kind, query);
    return query;
}

Task<Response> post_queries(Call& call, DocumentKind kind) {
    const auto body = co_await read_json_object(call);
    const auto* queries = body.find("queries");
    if (queries == nullptr) {
        throw Refused(Code::bad_request, "POST body must include `queries` parameter.");
    }
    if (!queries->is_array()) {
        throw Refused(Code::bad_request, "`queries` member must be an array.");
    }
    RowQuery common;
    read_parameters(call.request, common);
    std::vector<std::unique_ptr<RowList>> lists;
    const auto view = call.db().view();
    for (const auto& given : queries->items()) {
        const auto query = one_of_several(call, kind, common, given);
        lists.push_back(list_documents(kind, query, call.database, view));
    }
    co_return co_await answer_rows(call.services, std::move(lists), true);
}

}  // namespace

std::unique_ptr<RowList> open_all_docs(Call& call, RowQuery query) {
    check(call, query);
    return list_documents(DocumentKind::all, query, call.database, call.db().view());
}

Task<Response> get_all_docs(Call& call) {
    co_return co_await get_documents(call, DocumentKind::all);
}

Task<Response> post_all_docs(Call& call) {
    co_return co_await post_documents(call, DocumentKind::all);
}

Task<Response> post_all_docs_queries(Call& call) {
    co_return co_await post_queries(call, DocumentKind::all);
}

Task<Response> get_design_docs(Call& call) {
    co_return co_await get_documents(call, DocumentKind::design);
}

Task<Response> post_design_docs(Call& call) {
    co_return co_await post_documents(call, DocumentKind::design);
}

Task<Response> post_design_docs_queries(Call& call) {
    co_return co_await post_queries(call, DocumentKind::design);
}

Task<Response> get_local_docs(Call& call) {
    co_return co_await get_documents(call, DocumentKind::local);
}

Task<Response> post_local_docs(Call& call) {
    co_return co_await post_documents(call, DocumentKind::local);
}

Task<Response> post_local_docs_queries(Call& call) {
    co_return co_await post_queries(call, DocumentKind::local);
}

}  // namespace divan::server
