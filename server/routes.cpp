#include "server/routes.h"

#include "server/handlers/bulk/bulk.h"
#include "server/handlers/bulk/purge.h"
#include "server/handlers/bulk/revisions.h"
#include "server/handlers/changes/changes.h"
#include "server/handlers/changes/db_updates.h"
#include "server/handlers/databases/database.h"
#include "server/handlers/databases/databases.h"
#include "server/handlers/databases/maintenance.h"
#include "server/handlers/databases/security.h"
#include "server/handlers/databases/shards.h"
#include "server/handlers/design/design_functions.h"
#include "server/handlers/design/lists.h"
#include "server/handlers/design/rewrites.h"
#include "server/handlers/design/shows.h"
#include "server/handlers/documents/attachments.h"
#include "server/handlers/documents/documents.h"
#include "server/handlers/documents/local_docs.h"
#include "server/handlers/node/config.h"
#include "server/handlers/node/node.h"
#include "server/handlers/node/root.h"
#include "server/handlers/queries/all_docs.h"
#include "server/handlers/queries/find.h"
#include "server/handlers/queries/mango_index.h"
#include "server/handlers/queries/partitions.h"
#include "server/handlers/queries/views.h"
#include "server/handlers/replication/replicate.h"
#include "server/handlers/replication/scheduler.h"
#include "server/handlers/sign_in/account_pages.h"
#include "server/handlers/sign_in/passkeys.h"
#include "server/handlers/sign_in/session.h"

namespace divan::server {
namespace {

// Every address the server answers, one a row. Literal segments win over {names}.
constexpr Route table[] = {
    // server/handlers/root: the server itself
    {"GET", "/", Access::user, get_welcome},
    {"GET", "/_up", Access::anyone, get_up},
    {"GET", "/_uuids", Access::user, get_uuids},
    {"GET", "/_active_tasks", Access::server_admin, get_active_tasks},
    {"GET", "/_membership", Access::server_admin, get_membership},
    {"GET", "/_cluster_setup", Access::server_admin, get_cluster_setup},
    {"POST", "/_cluster_setup", Access::server_admin, post_cluster_setup},
    {"POST", "/_reload_query_servers", Access::server_admin, post_reload_query_servers},
    {"GET", "/favicon.ico", Access::user, get_no_file},
    {"GET", "/_utils", Access::user, get_no_file},
    {"GET", "/_utils/{file...}", Access::user, get_no_file},

    // server/handlers/account_pages: signing in, and one's own account, for people
    {"GET", "/_account", Access::anyone, get_account_page},
    {"GET", "/_account/{file}", Access::anyone, get_account_file},

    // server/handlers/session: signing in and out, sessions as records, tokens
    {"GET", "/_session", Access::anyone, get_session},
    {"POST", "/_session", Access::anyone, post_session},
    {"DELETE", "/_session", Access::anyone, delete_session},
    {"GET", "/_session/list", Access::user, get_session_list},
    {"DELETE", "/_session/list", Access::user, delete_session_list},
    {"DELETE", "/_session/list/{id}", Access::user, delete_listed_session},
    {"POST", "/_session/token", Access::user, post_session_token},
    {"POST", "/_session/refresh", Access::anyone, post_session_refresh},

    // server/handlers/passkeys: accounts without passwords; they ask who is signed in themselves
    {"GET", "/_passkey", Access::anyone, get_passkeys},
    {"GET", "/_passkey/policy", Access::anyone, get_passkey_policy},
    {"POST", "/_passkey/register/options", Access::anyone, post_passkey_register_options},
    {"POST", "/_passkey/register/verify", Access::anyone, post_passkey_register_verify},
    {"POST", "/_passkey/signin/options", Access::anyone, post_passkey_signin_options},
    {"POST", "/_passkey/signin/verify", Access::anyone, post_passkey_signin_verify},
    {"POST", "/_passkey/invitation", Access::server_admin, post_passkey_invitation},
    {"POST", "/_passkey/recovery", Access::anyone, post_passkey_recovery},
    {"POST", "/_passkey/recover", Access::anyone, post_passkey_recover},
    {"PUT", "/_passkey/{id}", Access::anyone, put_passkey},
    {"DELETE", "/_passkey/{id}", Access::anyone, delete_passkey},

    // server/handlers/databases: all databases
    {"GET", "/_all_dbs", Access::database_lister, get_all_dbs},
    {"GET", "/_dbs_info", Access::database_lister, get_dbs_info},
    {"POST", "/_dbs_info", Access::database_lister, post_dbs_info},
    {"GET", "/_db_updates", Access::server_admin, get_db_updates},

    // server/handlers/node and config; the numbers of a node are also for the role "_metrics"
    {"*", "/_node", Access::server_admin, get_no_node},
    {"*", "/_node/{node}", Access::server_admin, get_node},
    {"GET", "/_node/{node}/_stats", Access::metrics_reader, get_node_stats},
    {"GET", "/_node/{node}/_stats/{path...}", Access::metrics_reader, get_node_stats},
    {"GET", "/_node/{node}/_system", Access::metrics_reader, get_node_system},
    {"GET", "/_node/{node}/_versions", Access::server_admin, get_node_versions},
    {"GET", "/_node/{node}/_prometheus", Access::metrics_reader, get_node_prometheus},
    {"POST", "/_node/{node}/_restart", Access::server_admin, post_node_restart},
    {"GET", "/_node/{node}/_config", Access::server_admin, get_config},
    {"POST", "/_node/{node}/_config/_reload", Access::server_admin, post_config_reload},
    {"GET", "/_node/{node}/_config/{section}", Access::server_admin, get_config_section},
    {"GET", "/_node/{node}/_config/{section}/{key}", Access::server_admin, get_config_value},
    {"PUT", "/_node/{node}/_config/{section}/{key}", Access::server_admin, put_config_value},
    {"DELETE", "/_node/{node}/_config/{section}/{key}", Access::server_admin, delete_config_value},
    {"*", "/_node/{node}/_config/{section}/{key}/{rest...}", Access::server_admin, get_no_file},
    {"*", "/_node/{node}/{path...}", Access::server_admin, get_no_node_path},

    // server/handlers/replicate and scheduler: the replicator
    {"POST", "/_replicate", Access::user, post_replicate},
    {"*", "/_replicate", Access::user, refuse_replicate},
    {"GET", "/_scheduler/jobs", Access::server_admin, get_scheduler_jobs},
    {"GET", "/_scheduler/jobs/{id}", Access::server_admin, get_scheduler_job},
    {"GET", "/_scheduler/docs", Access::server_admin, get_scheduler_docs},
    {"GET", "/_scheduler/docs/{path...}", Access::server_admin, get_scheduler_docs},
    {"GET", "/_scheduler", Access::server_admin, get_no_scheduler},
    {"GET", "/_scheduler/{path...}", Access::server_admin, get_no_scheduler},

    // server/handlers/database: one database's life
    {"GET", "/{db}", Access::member, get_database},
    {"PUT", "/{db}", Access::server_admin, put_database, true},
    {"DELETE", "/{db}", Access::server_admin, delete_database, true},

    // server/handlers/all_docs
    {"GET", "/{db}/_all_docs", Access::member, get_all_docs},
    {"POST", "/{db}/_all_docs", Access::member, post_all_docs},
    {"POST", "/{db}/_all_docs/queries", Access::member, post_all_docs_queries},
    {"GET", "/{db}/_design_docs", Access::member, get_design_docs},
    {"POST", "/{db}/_design_docs", Access::member, post_design_docs},
    {"POST", "/{db}/_design_docs/queries", Access::member, post_design_docs_queries},
    {"GET", "/{db}/_local_docs", Access::member, get_local_docs},
    {"POST", "/{db}/_local_docs", Access::member, post_local_docs},
    {"POST", "/{db}/_local_docs/queries", Access::member, post_local_docs_queries},

    // server/handlers/find
    {"POST", "/{db}/_find", Access::member, post_find},
    {"POST", "/{db}/_explain", Access::member, post_explain},
    {"POST", "/{db}/_find/{rest...}", Access::member, post_find},
    {"POST", "/{db}/_explain/{rest...}", Access::member, post_explain},

    // server/handlers/mango_index
    {"GET", "/{db}/_index", Access::member, get_indexes},
    {"POST", "/{db}/_index", Access::member, post_index},
    {"POST", "/{db}/_index/_bulk_delete", Access::member, post_index_bulk_delete},
    {"DELETE", "/{db}/_index/{ddoc}/{type}/{name}", Access::member, delete_index},
    {"DELETE", "/{db}/_index/_design/{ddoc}/{type}/{name}", Access::member, delete_index},
    {"*", "/{db}/_index/{rest...}", Access::member, refuse_index_path},

    // server/handlers/partitions
    {"*", "/{db}/_partition", Access::member, no_partition},
    {"GET", "/{db}/_partition/{partition}", Access::member, get_partition},
    {"POST", "/{db}/_partition/{partition}", Access::member, post_partition},
    {"GET", "/{db}/_partition/{partition}/_all_docs", Access::member, get_partition_all_docs},
    {"POST", "/{db}/_partition/{partition}/_all_docs", Access::member, post_partition_all_docs},
    {"*", "/{db}/_partition/{partition}/_all_docs", Access::member, run_in_partition},
    {"POST", "/{db}/_partition/{partition}/_find", Access::member, post_partition_find},
    {"*", "/{db}/_partition/{partition}/_find", Access::member, run_in_partition},
    {"POST", "/{db}/_partition/{partition}/_explain", Access::member, post_partition_explain},
    {"*", "/{db}/_partition/{partition}/_explain", Access::member, run_in_partition},
    {"GET", "/{db}/_partition/{partition}/_design/{doc}/_view/{view}", Access::member,
     get_partition_view},
    {"POST", "/{db}/_partition/{partition}/_design/{doc}/_view/{view}", Access::member,
     post_partition_view},
    {"*", "/{db}/_partition/{partition}/_design/{doc}/_view/{view}", Access::member,
     run_in_partition},
    {"*", "/{db}/_partition/{partition}/{rest...}", Access::member, run_in_partition},

    // server/handlers/changes
    {"GET", "/{db}/_changes", Access::member, get_changes},
    {"POST", "/{db}/_changes", Access::member, post_changes},

    // server/handlers/bulk
    {"POST", "/{db}/_bulk_docs", Access::member, post_bulk_docs},
    {"POST", "/{db}/_bulk_get", Access::member, post_bulk_get},

    // server/handlers/revisions
    {"POST", "/{db}/_revs_diff", Access::member, post_revs_diff},
    {"POST", "/{db}/_missing_revs", Access::member, post_missing_revs},
    {"GET", "/{db}/_revs_limit", Access::member, get_revs_limit},
    {"PUT", "/{db}/_revs_limit", Access::database_admin, put_revs_limit},

    // server/handlers/purge
    {"POST", "/{db}/_purge", Access::server_admin, post_purge},
    {"GET", "/{db}/_purged_infos", Access::member, get_purged_infos},
    {"GET", "/{db}/_purged_infos_limit", Access::server_admin, get_purged_infos_limit},
    {"PUT", "/{db}/_purged_infos_limit", Access::server_admin, put_purged_infos_limit},

    // server/handlers/maintenance
    {"POST", "/{db}/_compact", Access::maintainer, post_compact},
    {"POST", "/{db}/_compact/{design}", Access::maintainer, post_compact_design},
    {"POST", "/{db}/_view_cleanup", Access::maintainer, post_view_cleanup},
    {"POST", "/{db}/_ensure_full_commit", Access::member, post_ensure_full_commit},

    // server/handlers/security
    {"GET", "/{db}/_security", Access::member, get_security},
    {"PUT", "/{db}/_security", Access::database_admin, put_security},

    // server/handlers/shards
    {"GET", "/{db}/_shards", Access::member, get_shards},
    {"GET", "/{db}/_shards/{doc}", Access::member, get_document_shard},
    {"POST", "/{db}/_sync_shards", Access::server_admin, post_sync_shards},
    {"*", "/{db}/_temp_view", Access::member, get_temporary_view},

    // server/handlers/local_docs
    {"GET", "/{db}/_local/{id...}", Access::member, get_local_doc},
    {"PUT", "/{db}/_local/{id...}", Access::member, put_local_doc},
    {"POST", "/{db}/_local/{id...}", Access::member, post_local_doc},
    {"DELETE", "/{db}/_local/{id...}", Access::member, delete_local_doc},
    {"COPY", "/{db}/_local/{id...}", Access::member, copy_local_doc},

    // server/handlers/documents
    {"POST", "/{db}", Access::member, post_document},
    {"GET", "/{db}/{doc}", Access::member, get_document},
    {"PUT", "/{db}/{doc}", Access::member, put_document},
    {"POST", "/{db}/{doc}", Access::member, post_document_form},
    {"DELETE", "/{db}/{doc}", Access::member, delete_document},
    {"COPY", "/{db}/{doc}", Access::member, copy_document},
    {"GET", "/{db}/_design/{doc}", Access::member, get_document},
    {"PUT", "/{db}/_design/{doc}", Access::database_admin, put_document},
    {"POST", "/{db}/_design/{doc}", Access::database_admin, post_document_form},
    {"DELETE", "/{db}/_design/{doc}", Access::database_admin, delete_document},
    {"COPY", "/{db}/_design/{doc}", Access::member, copy_document},
    {"GET", "/{db}/_design/{doc}/_info", Access::member, get_view_info},
    {"GET", "/{db}/_design/{doc}/_view/{view}", Access::member, get_view},
    {"POST", "/{db}/_design/{doc}/_view/{view}", Access::member, post_view},
    {"POST", "/{db}/_design/{doc}/_view/{view}/queries", Access::member, post_view_queries},
    {"", "/{db}/_design/{doc}/_info", Access::member, require_design},
    {"", "/{db}/_design/{doc}/_view", Access::member, require_design},
    {"", "/{db}/_design/{doc}/_view/{view}", Access::member, require_design},
    {"", "/{db}/_design/{doc}/_view/{view}/queries", Access::member, require_design},
    {"", "/{db}/_design/{doc}/_view/{view}/{rest...}", Access::member, require_design},

    // server/handlers/lists
    {"GET", "/{db}/_design/{ddoc}/_list", Access::member, refuse_list},
    {"POST", "/{db}/_design/{ddoc}/_list", Access::member, refuse_list},
    {"GET", "/{db}/_design/{ddoc}/_list/{function}", Access::member, refuse_list},
    {"POST", "/{db}/_design/{ddoc}/_list/{function}", Access::member, refuse_list},
    {"GET", "/{db}/_design/{ddoc}/_list/{function}/{view}", Access::member, get_list},
    {"POST", "/{db}/_design/{ddoc}/_list/{function}/{view}", Access::member, post_list},
    {"OPTIONS", "/{db}/_design/{ddoc}/_list", Access::member, refuse_list},
    {"OPTIONS", "/{db}/_design/{ddoc}/_list/{function}", Access::member, refuse_list},
    {"OPTIONS", "/{db}/_design/{ddoc}/_list/{function}/{view}", Access::member, get_list},
    {"GET", "/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}/{rest...}", Access::member,
     refuse_list},
    {"POST", "/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}/{rest...}", Access::member,
     refuse_list},
    {"GET", "/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}", Access::member, get_list},
    {"POST", "/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}", Access::member, post_list},
    {"OPTIONS", "/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}", Access::member, get_list},
    {"", "/{db}/_design/{ddoc}/_list", Access::member, require_design},
    {"", "/{db}/_design/{ddoc}/_list/{function}", Access::member, require_design},
    {"", "/{db}/_design/{ddoc}/_list/{function}/{view}", Access::member, require_design},
    {"", "/{db}/_design/{ddoc}/_list/{function}/{doc}/{view}", Access::member, require_design},

    // server/handlers/rewrites
    {"*", "/{db}/_design/{ddoc}/_rewrite", Access::member, run_rewrite},
    {"*", "/{db}/_design/{ddoc}/_rewrite/{path...}", Access::member, run_rewrite},

    // server/handlers/shows: the functions see the method
    {"*", "/{db}/_design/{ddoc}/_show", Access::member, refuse_show},
    {"*", "/{db}/_design/{ddoc}/_show/{function}", Access::member, run_show},
    {"*", "/{db}/_design/{ddoc}/_show/{function}/{id...}", Access::member, run_show_document},
    {"*", "/{db}/_design/{ddoc}/_update", Access::member, refuse_update},
    {"*", "/{db}/_design/{ddoc}/_update/{function}", Access::member, run_update},
    {"*", "/{db}/_design/{ddoc}/_update/{function}/{id...}", Access::member,
     run_update_document},

    // server/handlers/attachments
    {"GET", "/{db}/{doc}/{attachment...}", Access::member, get_attachment},
    {"PUT", "/{db}/{doc}/{attachment...}", Access::member, put_attachment},
    {"DELETE", "/{db}/{doc}/{attachment...}", Access::member, delete_attachment},
    {"GET", "/{db}/_design/{doc}/{attachment...}", Access::member, get_attachment},
    {"PUT", "/{db}/_design/{doc}/{attachment...}", Access::database_admin, put_attachment},
    {"DELETE", "/{db}/_design/{doc}/{attachment...}", Access::database_admin, delete_attachment},
    {"", "/{db}/_design/{doc}/{attachment...}", Access::member, require_design},
};

}  // namespace

std::span<const Route> routes() {
    return table;
}

}  // namespace divan::server
