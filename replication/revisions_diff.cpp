#include "replication/revisions_diff.h"

#include "replication/http/failures.h"
#include "replication/http_document.h"
#include "replication/json_outline.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

void read_revisions(std::string_view array, std::vector<storage::Revision>& out) {
    JsonItems items(array);
    while (items.next()) {
        auto revision = revision_of(items.value());
        if (!revision) throw malformed("the answer to _revs_diff names no revision");
        out.push_back(std::move(*revision));
    }
    if (!items.complete()) throw malformed("the answer to _revs_diff has no list");
}

}  // namespace

std::string revisions_diff_body(const std::vector<DocumentRevisions>& asked, std::size_t begin,
                                std::size_t end) {
    std::string body = "{";
    for (auto i = begin; i < end; ++i) {
        if (i > begin) body += ',';
        append_json_string(body, asked[i].id);
        body += ":[";
        bool first = true;
        for (const auto& revision : asked[i].revisions) {
            if (!std::exchange(first, false)) body += ',';
            append_json_string(body, to_string(revision));
        }
        body += ']';
    }
    return body + "}";
}

void read_revisions_diff(std::string_view body, std::vector<DocumentRevisions>& missing) {
    JsonMembers members(body);
    while (members.next()) {
        DocumentRevisions one;
        one.id = members.key();
        JsonMembers lists(members.value());
        while (lists.next()) {
            if (lists.key() == "missing") read_revisions(lists.value(), one.revisions);
            if (lists.key() == "possible_ancestors") {
                read_revisions(lists.value(), one.possible_ancestors);
            }
        }
        if (!lists.complete()) throw malformed("the answer to _revs_diff is no JSON");
        if (!one.revisions.empty()) missing.push_back(std::move(one));
    }
    if (!members.complete()) throw malformed("the answer to _revs_diff is no JSON");
}

}  // namespace divan::replication
