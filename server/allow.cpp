#include "server/allow.h"

#include <algorithm>
#include <iterator>

namespace divan::server {
namespace {

struct Row {
    std::string_view pattern;
    std::string_view allow;
};

constexpr std::string_view document = "DELETE,GET,HEAD,POST,PUT,COPY";
constexpr std::string_view attachment = "DELETE,GET,HEAD,PUT";

// CouchDB writes these texts by hand at each place (send_method_not_allowed), so neither order nor
// HEAD follow a rule.
constexpr Row table[] = {
    {"/", "GET,HEAD"},
    {"/_up", "GET,HEAD"},
    {"/favicon.ico", "GET,HEAD"},
    {"/_utils", "GET,HEAD"},
    {"/_utils/{file...}", "GET,HEAD"},
    {"/favicon.ico", "GET,HEAD"},
    {"/_utils", "GET,HEAD"},
    {"/_utils/{file...}", "GET,HEAD"},
    {"/_active_tasks", "GET,HEAD"},
    {"/_scheduler", "GET,HEAD"},
    {"/_scheduler/jobs", "GET,HEAD"},
    {"/_scheduler/jobs/{id}", "GET,HEAD"},
    {"/_scheduler/docs", "GET,HEAD"},
    {"/_scheduler/docs/{path...}", "GET,HEAD"},
    {"/_scheduler/{path...}", "GET,HEAD"},
    {"/_session", "GET,HEAD,POST,DELETE"},
    {"/_all_dbs", "GET,HEAD"},
    {"/_dbs_info", "GET,HEAD,POST"},
    {"/{db}", "DELETE,GET,HEAD,POST"},
    {"/{db}/_all_docs", "GET,HEAD,POST"},
    {"/{db}/_design_docs", "GET,HEAD,POST"},
    {"/{db}/_local_docs", "GET,HEAD,POST"},
    {"/{db}/_changes", "GET,POST,HEAD"},
    {"/{db}/_find", "POST"},
    {"/{db}/_explain", "POST"},
    {"/{db}/_find/{rest...}", "POST"},
    {"/{db}/_explain/{rest...}", "POST"},
    {"/{db}/_index", "GET,POST"},
    {"/{db}/_index/_bulk_delete", "POST"},
    {"/{db}/_partition/{partition}", "GET"},
    {"/{db}/_revs_limit", "PUT,GET"},
    {"/{db}/_security", "PUT,GET"},
    {"/{db}/_local/{id...}", document},
    {"/{db}/{doc}", document},
    {"/{db}/_design/{doc}", document},
    {"/{db}/{doc}/{attachment...}", attachment},
    {"/{db}/_design/{doc}/{attachment...}", attachment},
    {"/{db}/_design/{doc}/_info", "GET"},
    {"/{db}/_design/{doc}/_view", "GET,POST,HEAD"},
    {"/{db}/_design/{doc}/_view/{view}", "GET,POST,HEAD"},
    {"/{db}/_design/{doc}/_view/{view}/{rest...}", "GET,POST,HEAD"},
    {"/{db}/_design/{ddoc}/_list", "GET,POST,HEAD"},
    {"/{db}/_design/{ddoc}/_list/{function}", "GET,POST,HEAD"},
    {"/{db}/_design/{ddoc}/_list/{function}/{view}", "GET,POST,HEAD"},
    {"/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}", "GET,POST,HEAD"},
    {"/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}/{rest...}", "GET,POST,HEAD"},
};

}  // namespace

std::string_view allow_text(std::string_view pattern) {
    const auto found = std::find_if(std::begin(table), std::end(table),
                                    [&](const Row& row) { return row.pattern == pattern; });
    return found == std::end(table) ? std::string_view() : found->allow;
}

}  // namespace divan::server
