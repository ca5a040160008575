#include "server/config/settings.h"

namespace divan::server {
namespace {

constexpr auto built_in = Setting::Shown::built_in;
constexpr auto when_set = Setting::Shown::when_set;

// One row a setting: section, key, default, shown, meaning. Names and defaults are CouchDB 3.5's.
constexpr Setting table[] = {
    {"vendor", "name", "Divan", built_in, "The name in the answer of GET /."},

    {"couchdb", "uuid", "", when_set, "The server's own identifier; made at the first start."},
    {"couchdb", "single_node", "true", built_in,
     "Make the system databases at the start where they are missing."},
    {"couchdb", "max_document_size", "8000000", when_set,
     "Largest document in bytes of JSON, attachments apart."},
    {"couchdb", "max_attachment_size", "1073741824", when_set,
     "Largest attachment in bytes, or infinity."},
    {"couchdb", "max_document_id_length", "infinity", when_set,
     "Longest document id in bytes, or infinity."},
    {"couchdb", "default_security", "admin_only", when_set,
     "Who may use a new database: admin_only, admin_local or everyone."},
    {"couchdb", "users_db_security_editable", "false", when_set,
     "Whether _security of the users database may be changed."},
    {"couchdb", "maintenance_mode", "false", when_set,
     "true or nolb: GET /_up answers 404, so that load balancers look elsewhere."},
    {"couchdb", "max_dbs_open", "500", when_set,
     "Databases kept ready in memory; idle ones beyond that are let go."},

    {"cluster", "q", "1", when_set, "What new databases show as cluster.q. Nothing is sharded."},
    {"cluster", "n", "1", when_set, "Copies of a database; more than one has no effect."},

    {"chttpd", "port", "5984", built_in, "The port to listen on. Read at the start."},
    {"chttpd", "bind_address", "127.0.0.1", built_in,
     "The address to listen on. Read at the start."},
    {"chttpd", "max_http_request_size", "4294967296", when_set,
     "Largest request body in bytes."},
    {"chttpd", "require_valid_user", "false", when_set,
     "Nothing without a login, except signing in."},
    {"chttpd", "require_valid_user_except_for_up", "false", when_set,
     "The same, but GET /_up needs none."},
    {"chttpd", "admin_only_all_dbs", "true", when_set,
     "Whether only server admins may list the databases."},
    {"chttpd", "max_db_number_for_dbs_info_req", "100", when_set,
     "Most databases in one POST /_dbs_info."},
    {"chttpd", "enable_cors", "false", when_set,
     "Let web pages of other origins in; see [cors]."},
    {"chttpd", "changes_timeout", "60000", when_set,
     "Milliseconds after which a waiting _changes feed sends a heartbeat or ends."},
    {"chttpd", "authentication_handlers", "", when_set,
     "The ways to sign in, in order."},
    {"chttpd", "WWW-Authenticate", "", when_set,
     "The WWW-Authenticate header to send with every 401."},
    {"chttpd", "trusted_proxies", "", when_set,
     "Addresses or networks (10.0.0.0/8) whose X-Forwarded-For and -Proto are believed."},
    {"chttpd", "server_options", "", when_set, "Read by CouchDB; has no effect here."},

    {"httpd", "enable_cors", "", when_set, "The older name of chttpd/enable_cors."},

    {"chttpd_auth", "authentication_db", "_users", when_set, "The database of user documents."},
    {"chttpd_auth", "iterations", "600000", when_set,
     "PBKDF2 rounds for new passwords."},
    {"chttpd_auth", "password_scheme", "pbkdf2", when_set,
     "How new passwords are kept: pbkdf2, or simple (SHA-1; only for old clients)."},
    {"chttpd_auth", "pbkdf2_prf", "sha256", when_set,
     "The hash under PBKDF2: sha, sha224, sha256, sha384 or sha512."},
    {"chttpd_auth", "min_iterations", "1", when_set,
     "User documents with fewer PBKDF2 rounds cannot sign in."},
    {"chttpd_auth", "max_iterations", "10000000", when_set,
     "User documents with more PBKDF2 rounds cannot sign in."},
    {"chttpd_auth", "upgrade_hash_on_auth", "true", when_set,
     "Hash a password anew at a sign-in where it is kept otherwise than new ones."},
    {"chttpd_auth", "allow_conflicted_user_docs", "false", when_set,
     "Whether a user document with conflicts lets its user in."},

    {"chttpd_auth_lockout", "mode", "enforce", when_set,
     "After failed sign-ins: enforce (403 for that client and account), warn (log) or off."},
    {"chttpd_auth_lockout", "threshold", "5", when_set, "Failures after which that happens."},
    {"chttpd_auth_lockout", "max_lifetime", "300000", when_set,
     "Milliseconds after the first failure when all is forgotten."},
    {"chttpd_auth_lockout", "max_objects", "10000", when_set,
     "Pairs of client and account to count for. Read at the start."},
    {"couch_passwords_cache", "enable", "true", when_set,
     "Remember passwords that were right, so that each request need not hash them."},
    {"couch_passwords_cache", "max_idle", "600000", when_set,
     "Milliseconds without use after which one is forgotten."},
    {"couch_passwords_cache", "max_objects", "10000", when_set,
     "Most passwords to remember. Read at the start."},

    {"couch_httpd_auth", "authentication_db", "_users", built_in,
     "The older name of chttpd_auth/authentication_db."},

    {"cors", "origins", "", when_set, "Origins to let in, comma separated; * is every one."},
    {"cors", "credentials", "false", when_set, "Let pages send cookies and passwords."},
    {"cors", "headers", "", when_set, "Request headers that pages may send."},
    {"cors", "methods", "GET, HEAD, POST, PUT, DELETE, TRACE, CONNECT, COPY, OPTIONS", when_set,
     "Methods that pages may use."},
    {"cors", "exposed_headers", "", when_set, "Further answer headers that pages may read."},
    {"cors", "max_age", "600", when_set, "Seconds a browser may keep the answer of a preflight."},

    {"uuids", "algorithm", "sequential", when_set,
     "How ids are made: sequential, random, utc_random, utc_id, uuid_v4 or uuid_v7."},
    {"uuids", "utc_id_suffix", "", when_set, "The end of every id made by utc_id."},
    {"uuids", "format", "base_16", when_set,
     "How uuid_v4 and uuid_v7 are written: base_16, base_36 or rfc9562."},
    {"uuids", "max_count", "1000", when_set, "Most ids in one GET /_uuids."},

    {"attachments", "compression_level", "8", when_set, "zlib level for compressible types."},
    {"attachments", "compressible_types",
     "text/*, application/javascript, application/json, application/xml", when_set,
     "Types of attachments that are stored compressed."},

    {"ssl", "enable", "false", when_set, "Listen for HTTPS too. Read at the start."},
    {"ssl", "port", "6984", when_set, "The HTTPS port."},
    {"ssl", "cert_file", "", when_set, "The certificate and its chain, PEM."},
    {"ssl", "key_file", "", when_set, "Its private key, PEM."},

    {"audit", "enable", "true", when_set,
     "Keep the audit log of sign-ins and changes. Read at the start."},
    {"audit", "documents", "false", when_set,
     "Also record who looked at or changed what in a database."},
    {"audit", "sync", "always", when_set,
     "When the audit log is forced to the disk: always or never. Read at the start."},
    {"audit", "file_bytes_max", "67108864", when_set,
     "From so many bytes on the audit log goes on in a new file. Read at the start."},

    {"rate_limit", "requests", "", when_set,
     "Most requests of one client address as count/seconds (100/900); empty: any number."},
    {"rate_limit", "sign_in_address", "300/300", when_set,
     "Most failed sign-ins of one client address; empty: any number."},
    {"rate_limit", "sign_in_account", "100/300", when_set,
     "Most failed sign-ins of one account; empty: any number."},
    {"rate_limit", "registration_address", "120/3600", when_set,
     "Most requests of one client address to register; empty: any number."},

    {"feature_flags", "partitioned||*", "true", built_in,
     "Which databases may be partitioned."},
    {"storage", "block_cache_bytes", "134217728", when_set,
     "Memory for what is read often; more helps a large database. Read at the start."},
    {"log", "level", "warning", built_in,
     "Least level that is logged: debug, info, notice, warning, error, critical or none."},
    {"prometheus", "additional_port", "false", built_in, "Read by CouchDB; has no effect here."},
};

}  // namespace

std::span<const Setting> settings() {
    return table;
}

}  // namespace divan::server
