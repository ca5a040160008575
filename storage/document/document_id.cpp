#include "storage/base/utf8.h"
#include "storage/document/client_document.h"

namespace divan::storage {
namespace {

constexpr std::string_view design = "_design/";
constexpr std::string_view local = "_local/";

Error illegal_id(std::string_view reason) {
    return {Code::illegal_docid, std::string(reason), {}};
}

Error illegal_partition(std::string_view reason) {
    return {Code::illegal_docid, std::string(reason), "illegal_partition"};
}

}  // namespace

Result<void> validate_document_id(std::string_view id) {
    if (id.empty()) return illegal_id("Document id must not be empty");
    if (id == design) return illegal_id("Illegal document id `_design/`");
    if (id == local) return illegal_id("Illegal document id `_local/`");
    if (!is_utf8(id)) return illegal_id("Document id must be valid UTF-8");
    if (id.starts_with('_') && !id.starts_with(design) && !id.starts_with(local)) {
        return illegal_id("Only reserved document ids may start with underscore.");
    }
    return {};
}

Result<void> validate_partitioned_id(std::string_view id) {
    if (id.starts_with(design) || id.starts_with(local)) return {};
    const auto colon = id.find(':');
    if (colon == std::string_view::npos) {
        return illegal_id("Doc id must be of form partition:id");
    }
    const auto partition = id.substr(0, colon);
    if (partition.empty()) return illegal_partition("Partition must not be empty");
    if (partition.starts_with('_')) {
        return illegal_partition("Partition must not start with an underscore");
    }
    if (!is_utf8(partition)) return illegal_partition("Partition must be valid UTF-8");
    return validate_document_id(id.substr(colon + 1));
}

std::string_view partition_of(std::string_view id) {
    return id.substr(0, id.find(':'));
}

}  // namespace divan::storage
