#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace divan::import {

/// Terms in Erlang's external form, without the version byte.
namespace term {
std::string integer(std::uint64_t value);
std::string atom(std::string_view name);
std::string binary(std::string_view bytes);
std::string list(const std::vector<std::string>& items);
std::string tuple(const std::vector<std::string>& fields);
}  // namespace term

/// Writes a database file as CouchDB 3 does, of disk version 8: for tests that need files of a
/// certain shape or size. Documents are in the order of changes as they come, each once.
class CouchFileWriter {
public:
    struct Attachment {
        std::string name, content_type, bytes;
    };
    struct Leaf {
        std::uint64_t generation;
        std::vector<std::string> path;  ///< 16 bytes each, newest first.
        bool deleted;
        std::string json;
        std::vector<Attachment> attachments;
    };
    struct Options {
        bool snappy = true;
        std::string security = {};  ///< A term; empty: none.
        /// Changes a piece (a node, a body, the header) before its checksum is made.
        std::function<void(std::string& piece)> change = {};
    };

    explicit CouchFileWriter(Options options) : options_(std::move(options)) {}

    /// Each leaf is a branch of its own.
    void add(const std::string& id, const std::vector<Leaf>& leaves);
    void add_local(const std::string& id, const std::string& json);
    void add_purge(const std::string& id, const std::string& hash);
    /// What was written since the last call; to keep memory small.
    std::string take();
    /// Indexes and the header. The rest of the file.
    std::string finish();

private:
    struct Entry {
        std::string key, value;  ///< Terms.
    };
    std::uint64_t position() const { return taken_ + bytes_.size(); }
    void raw(std::string_view bytes);
    std::uint64_t chunk(std::string piece);
    std::string compressed(const std::string& term) const;
    std::uint64_t term_chunk(const std::string& term);
    std::string tree(const std::vector<Entry>& entries);
    std::string attachment_term(const Attachment& attachment);

    Options options_;
    std::string bytes_;
    std::uint64_t taken_ = 0;
    std::uint64_t sequence_ = 0;
    std::vector<Entry> by_id_, by_sequence_, locals_, purges_, purges_by_sequence_;
};

}  // namespace divan::import
