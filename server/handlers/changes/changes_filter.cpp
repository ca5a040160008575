#include "server/handlers/changes/changes_filter.h"

#include <algorithm>

#include "server/handlers/design/design_functions.h"

namespace divan::server {
namespace {

[[noreturn]] void refuse(std::string reason) {
    throw Refused(Code::bad_request, std::move(reason));
}

bool posted(const Call& call) {
    return call.request.method == "POST";
}

/// A body that is missing is no JSON.
const JsonValue& body_of(const JsonValue* body) {
    if (body == nullptr) refuse("invalid UTF-8 JSON");
    return *body;
}

ChangesFilter doc_ids_filter(const Call& call, const JsonValue* body) {
    constexpr auto no_list = "`doc_ids` filter parameter is not a list of doc ids.";
    JsonValue given;
    if (posted(call)) {
        if (const auto* member = body_of(body).find("doc_ids")) given = *member;
    } else if (const auto* parameter = call.parameter("doc_ids")) {
        given = parse_json(*parameter).value();
    }
    if (!given.is_array()) refuse(no_list);
    ChangesFilter filter;
    filter.kind = ChangesFilter::Kind::doc_ids;
    for (const auto& id : given.items()) {
        if (!id.is_string()) refuse(no_list);
        filter.doc_ids.push_back(id.string());
    }
    std::sort(filter.doc_ids.begin(), filter.doc_ids.end());
    return filter;
}

/// Here CouchDB tells Mango's refusals as plain bad requests.
template <class T>
T plain(Result<T> result) {
    if (result.has_error()) refuse(result.error().reason);
    return std::move(*result);
}

ChangesFilter selector_filter(const Call& call, const JsonValue* body) {
    if (!posted(call)) refuse("Selector must be specified in POST payload");
    const auto* selector = body_of(body).find("selector");
    if (selector == nullptr || !selector->is_object()) {
        refuse("Selector error: expected a JSON object");
    }
    ChangesFilter filter;
    filter.kind = ChangesFilter::Kind::selector;
    filter.selector = plain(storage::mango::Selector::parse(*selector));
    if (const auto* fields = body->find("fields")) {
        if (!fields->is_array()) refuse("Selector error: fields must be JSON array");
        filter.fields = plain(storage::mango::FieldList::parse(*fields));
    }
    return filter;
}

/// The names between slashes, percent-decoded once more: string:tokens/2 and couch_httpd:unquote/1.
std::vector<std::string> name_parts(std::string_view name) {
    std::vector<std::string> parts;
    while (!name.empty()) {
        const auto slash = name.find('/');
        const auto part = name.substr(0, slash);
        if (!part.empty()) parts.push_back(url_decode(part).value());
        name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
    }
    return parts;
}

/// The body of a POST was read as JSON; functions see its text.
std::optional<FunctionBody> body_text(const JsonValue* body) {
    if (body == nullptr) return std::nullopt;
    return FunctionBody{body->dump()};
}

ChangesFilter view_filter(const Call& call) {
    const auto* view = call.parameter("view");
    if (view == nullptr || view->empty()) refuse("`view` filter parameter is not provided.");
    const auto names = name_parts(*view);
    if (names.size() != 2) refuse("`view` must be of the form `designname/viewname`");
    const auto design = open_design(call, names[0]);
    require_function(design, "views", names[1]);
    ChangesFilter filter;
    filter.kind = ChangesFilter::Kind::function;
    filter.revs_max = function_revs_max(call);
    filter.function = [functions = design.functions,
                       name = names[1]](std::span<const BytesView> documents) {
        return functions->filter_view(name, documents).value();
    };
    return filter;
}

ChangesFilter named_filter(const Call& call, const std::string& name, const JsonValue* body) {
    const auto names = name_parts(name);
    if (names.empty()) return {};
    if (names.size() != 2) refuse("`filter` must be of the form `designname/filtername`");
    const auto design = open_design(call, names[0]);
    require_function(design, "filters", names[1]);
    ChangesFilter filter;
    filter.kind = ChangesFilter::Kind::function;
    filter.revs_max = function_revs_max(call);
    filter.function = [functions = design.functions, name = names[1],
                       request = request_object(call, std::nullopt, body_text(body))](
                          std::span<const BytesView> documents) {
        return functions->filter(name, documents, request).value();
    };
    return filter;
}

}  // namespace

ChangesFilter configure_filter(const Call& call, const std::string& name, const JsonValue* body) {
    if (name == "_doc_ids") return doc_ids_filter(call, body);
    if (name == "_selector") return selector_filter(call, body);
    if (name == "_view") return view_filter(call);
    if (name == "_design") {
        ChangesFilter filter;
        filter.kind = ChangesFilter::Kind::design;
        return filter;
    }
    if (name.starts_with('_')) refuse("unknown builtin filter name");
    return named_filter(call, name, body);
}

}  // namespace divan::server
