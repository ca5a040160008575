#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/routes.h"
#include "storage/base/json.h"
#include "storage/query/js/functions.h"

namespace divan::server {

/// A design document that is about to run.
struct OpenDesign {
    std::string revision;
    JsonValue body;  ///< Without `_` members.
    std::shared_ptr<storage::js::Functions> functions;
};

/// Throws `Refused` with `not_found` where there is no `_design/<name>`.
OpenDesign open_design(const Call& call, std::string_view name);

/// For rows without a method: as chttpd_db:handle_design_req/2 does, looks whether the design
/// document is there before a method is refused. Throws `Refused`. What is no function of a design
/// document, but an attachment, is not looked at.
Task<Response> require_design(Call& call);

/// Throws `Refused` as couch_util:get_nested_json_value/2 does where the design document has no
/// `section`, or nothing of that name in it.
void require_function(const OpenDesign& design, std::string_view section, std::string_view name);

/// What functions see of a request, as a JSON object: chttpd_external:json_req_obj/3, without
/// `Cookie` and `Authorization` (CVE-2023-45725). `id` is the document's, empty for null; `body` is
/// empty where there was none. Asks the engine for the database's sizes: for a pool.
struct FunctionBody {
    std::string text;
    bool json = false;  ///< Shown as the value that it is, not as text.
};
std::string request_object(const Call& call, const std::optional<std::string>& id,
                           const std::optional<FunctionBody>& body);

/// A document for functions: with `_revisions`, and `_conflicts` where `with_conflicts`; "null"
/// where there is none, or it is deleted.
struct FunctionDocument {
    std::string json = "null";
    std::string revision;  ///< Empty for none.
};
/// In the users database refuses what the caller does not see.
FunctionDocument function_document(const Call& call, const std::string& id, bool with_conflicts);

/// `[query_server_config] revs_limit`: of `_revisions`.
std::size_t function_revs_max(const Call& call);

}  // namespace divan::server
