#include "test/auth/fixture.h"

#include "storage/database/read_view.h"

namespace divan::auth {
namespace {

void write(storage::Database& database, const std::string& json, bool new_edits) {
    auto edit = make_edit(storage::parse_client_document(json).value(), new_edits).value();
    std::vector<storage::Edit> edits;
    edits.push_back(std::move(edit));
    database.writer().write(std::move(edits)).value().front().value();
}

std::string rev_member(storage::Database& database, const std::string& id) {
    const auto found = storage::read_winner(database, id);
    if (!found || found->head.deleted) return {};
    return R"("_rev":")" + to_string(found->head.winner) + R"(",)";
}

}  // namespace

void AccountsFixture::write_user(const std::string& name, const std::string& members) {
    const std::string id = std::string(user_id_prefix) + name;
    write(*users, R"({"_id":")" + id + R"(",)" + rev_member(*users, id) + R"("name":")" + name +
                      R"(","type":"user",)" + members + "}", true);
}

void AccountsFixture::delete_user(const std::string& name) {
    const std::string id = std::string(user_id_prefix) + name;
    write(*users, R"({"_id":")" + id + R"(",)" + rev_member(*users, id) + R"("_deleted":true})",
          true);
}

void AccountsFixture::conflict_user(const std::string& name, const std::string& members) {
    write(*users, R"({"_id":")" + std::string(user_id_prefix) + name +
                      R"(","_rev":"1-00000000000000000000000000000001",)" + members + "}", false);
}

}  // namespace divan::auth
