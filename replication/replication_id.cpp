#include "replication/replication_id.h"

#include <algorithm>
#include <array>

#include "replication/url.h"
#include "storage/base/digest.h"
#include "storage/base/erlang_term.h"
#include "storage/base/json_normaliser.h"
#include "storage/query/mango/selector.h"

namespace divan::replication {
namespace {

constexpr int newest_version = 4;

/// Erlang's external terms, one after another: term_to_binary/2 with minor_version 1.
class TermWriter {
public:
    void tuple(std::uint8_t arity) {
        tag(TermTag::tuple);
        out_ += static_cast<char>(arity);
    }
    void atom(std::string_view name) {
        tag(TermTag::atom);
        length16(name.size());
        out_ += name;
    }
    void binary(std::string_view bytes) {
        header(TermTag::binary, bytes.size());
        out_ += bytes;
    }
    /// Erlang's strings are lists of small integers.
    void string(std::string_view text) {
        if (text.empty()) {
            tag(TermTag::nil);
        } else if (text.size() <= 65535) {
            tag(TermTag::bytes_list);
            length16(text.size());
            out_ += text;
        } else {
            header(TermTag::list, text.size());
            for (const char c : text) integer(static_cast<unsigned char>(c));
            tag(TermTag::nil);
        }
    }
    void integer(std::int64_t value) {
        std::array<char, term_integer_bytes_max> bytes;
        out_.append(bytes.data(), write_term_integer(bytes.data(), value));
    }
    /// Call `end_list` after its items where there are any.
    void list(std::size_t count) {
        if (count > 0) header(TermTag::list, count);
        else tag(TermTag::nil);
    }
    void end_list(std::size_t count) {
        if (count > 0) tag(TermTag::nil);
    }
    void json(const std::string& text) {
        auto& normaliser = JsonNormaliser::of_this_thread();
        DIVAN_CHECK(normaliser.load(text) && normaliser.value());
        normaliser.append_live_term(out_);
        normaliser.unload();
    }
    std::string digest() const {
        std::string term(1, static_cast<char>(term_version));
        term += out_;
        const auto sum = md5(term);
        return hex_encode(as_bytes(sum));
    }

private:
    void tag(TermTag value) { out_ += static_cast<char>(value); }
    void length16(std::size_t length) {
        out_ += static_cast<char>(length >> 8);
        out_ += static_cast<char>(length);
    }
    void header(TermTag value, std::size_t count) {
        std::array<char, term_header_bytes> bytes;
        out_.append(bytes.data(), write_term_header(bytes.data(), value, count));
    }
    std::string out_;
};

// Those that CouchDB sends by itself are no part of an id.
Headers own_headers(const Endpoint& endpoint) {
    Headers headers = endpoint.headers;
    std::erase_if(headers, [](const auto& header) {
        return header.first == "Accept" && header.second == "application/json";
    });
    return headers;
}

void write_headers(TermWriter& out, const Endpoint& endpoint) {
    const auto headers = own_headers(endpoint);
    out.list(headers.size());
    for (const auto& [name, value] : headers) {
        out.tuple(2);
        out.string(name);
        out.string(value);
    }
    out.end_list(headers.size());
}

// get_rep_endpoint/1
void write_endpoint(TermWriter& out, const Endpoint& endpoint) {
    out.tuple(3);
    out.atom("remote");
    out.string(endpoint.url);
    write_headers(out, endpoint);
}

// get_v4_endpoint/1
void write_v4_endpoint(TermWriter& out, const Endpoint& endpoint) {
    out.tuple(7);
    out.atom("remote");
    if (endpoint.credentials) out.string(endpoint.credentials->name_as_written);
    else out.atom("undefined");
    const auto url = parse_url(endpoint.url);
    if (url) {
        out.string(url->host);
        const bool usual = url->scheme == "https" ? url->port == 443
                                                  : url->port == 80 || url->port == 5984;
        if (usual) out.atom("default");
        else out.integer(url->port);
        out.string(url->path);
    } else {
        out.string(endpoint.url);
        out.atom("undefined");
        out.atom("undefined");
    }
    write_headers(out, endpoint);
    out.atom("undefined");  // Where OAuth once was.
}

// couch_replicator_filters:ejsort/1
void append_sorted(std::string& out, const JsonValue& value) {
    if (value.is_array()) {
        out += '[';
        for (const auto& item : value.items()) {
            if (out.back() != '[') out += ',';
            append_sorted(out, item);
        }
        out += ']';
    } else if (value.is_object()) {
        std::vector<const JsonValue::Member*> members;
        for (const auto& member : value.members()) members.push_back(&member);
        std::sort(members.begin(), members.end(),
                  [](const auto* a, const auto* b) { return a->first < b->first; });
        out += '{';
        for (const auto* member : members) {
            if (member != members.front()) out += ',';
            append_json_string(out, member->first);
            out += ':';
            append_sorted(out, member->second);
        }
        out += '}';
    } else {
        value.dump_to(out);
    }
}

std::string sorted_selector(const JsonValue& selector) {
    const auto normal = storage::mango::Selector::parse(selector).value().text();
    std::string out;
    append_sorted(out, parse_json(normal).value());
    return out;
}

std::string query_object(const Replication& replication) {
    return replication.query_params.is_object() ? replication.query_params.dump() : "{}";
}

std::size_t choice_count(const Replication& replication) {
    std::size_t count = 0;
    if (!replication.filter.empty()) count = 2;
    else if (replication.doc_ids || replication.selector) count = 1;
    return count + std::size_t(replication.winning_revs_only);
}

// maybe_append_filters/2
void write_choice(TermWriter& out, const Replication& replication, std::string_view filter_code) {
    if (!replication.filter.empty()) {
        out.binary(filter_function(replication) ? filter_code : replication.filter);
        out.json(query_object(replication));
    } else if (replication.doc_ids) {
        out.list(replication.doc_ids->size());
        for (const auto& id : *replication.doc_ids) out.binary(id);
        out.end_list(replication.doc_ids->size());
    } else if (replication.selector) {
        out.json(sorted_selector(*replication.selector));
    }
    if (replication.winning_revs_only) out.binary("winning_revs_only");
}

std::string base_id(const Replication& replication, int version, const ServerNames& names,
                    std::string_view filter_code) {
    TermWriter out;
    const std::size_t count = (version == 2 ? 4 : 3) + choice_count(replication);
    out.list(count);
    if (version >= 3) out.binary(names.uuid);
    else out.string(names.host_name);
    if (version == 2) out.integer(names.old_port);
    for (const auto* endpoint : {&replication.source, &replication.target}) {
        if (version == 4) write_v4_endpoint(out, *endpoint);
        else write_endpoint(out, *endpoint);
    }
    write_choice(out, replication, filter_code);
    out.end_list(count);
    return out.digest();
}

}  // namespace

std::optional<FilterName> filter_function(const Replication& replication) {
    const auto& filter = replication.filter;
    if (filter.empty() || filter.starts_with('_')) return std::nullopt;
    const auto slash = filter.find('/');
    return FilterName{filter.substr(0, slash), filter.substr(slash + 1)};
}

// The pattern is "^ *(.*?) *$", whose dot stops at the end of a line.
std::string trimmed_filter(std::string_view code) {
    const bool ends_line = code.ends_with('\n');
    auto line = code.substr(0, code.size() - std::size_t(ends_line));
    if (line.find('\n') != std::string_view::npos) return std::string(code);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    line = line.substr(0, line.find_last_not_of(' ') + 1);
    return std::string(line) + (ends_line ? "\n" : "");
}

ReplicationId replication_id(const Replication& replication, const ServerNames& names,
                             std::string_view filter_code) {
    ReplicationId id{base_id(replication, newest_version, names, filter_code), {}};
    if (replication.continuous) id.extension += "+continuous";
    if (replication.create_target) id.extension += "+create_target";
    return id;
}

std::vector<std::string> older_base_ids(const Replication& replication, const ServerNames& names,
                                        std::string_view filter_code) {
    std::vector<std::string> ids;
    for (int version = newest_version - 1; version >= 1; --version) {
        ids.push_back(base_id(replication, version, names, filter_code));
    }
    return ids;
}

}  // namespace divan::replication
