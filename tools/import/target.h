#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/import/model.h"

namespace divan::import {

/// Leaves of one document that a target does not have: what writing adds, and a rollback takes
/// away again.
struct MissingLeaves {
    std::string id;
    std::vector<storage::Revision> leaves;
    bool exists = false;  ///< The target has other revisions of this document.
};

/// One database that is written to, and read again to prove it. One thread at a time.
class TargetDatabase {
public:
    virtual ~TargetDatabase() = default;
    /// Of the documents that have some, in their order.
    virtual std::vector<MissingLeaves> missing(const std::vector<Document>& documents) = 0;
    /// Adds the leaves with their histories as they are (replication, not edits); what is there
    /// already stays. On the disk when it returns. Documents that cannot be written are told.
    virtual void write(std::vector<Document> documents, const TellFailure& failed) = 0;
    /// Before the first document: the sequences of the source are to mean something here.
    virtual void take_over(const FormerFiles&) {}
    virtual void write_local(const LocalDocument& document) = 0;
    /// Throws `Refused` where `_security` is none that CouchDB would store.
    virtual void write_settings(const DatabaseInfo& info) = 0;

    virtual DatabaseInfo info() = 0;
    /// Answers in the order of `ids`; a document that is not there has no leaves. Attachments can
    /// be read until the next call.
    virtual std::vector<Document> read(const std::vector<std::string>& ids) = 0;
    virtual std::optional<LocalDocument> read_local(const std::string& id) = 0;
    /// Those it remembers, oldest first.
    virtual std::vector<Purge> purges() = 0;
    /// Documents, deleted ones too.
    virtual std::uint64_t document_count() = 0;
    /// Whether it may store an attachment gzipped that came as it is: a server of CouchDB's kind.
    virtual bool packs_attachments() const { return false; }

    /// Takes leaves away, as if they had never come; what it has not it remembers as purged.
    virtual void purge(const std::vector<MissingLeaves>& created) = 0;
    virtual void erase_local(const std::string& id) = 0;
};

/// Where data goes.
class Target {
public:
    virtual ~Target() = default;
    virtual bool exists(const std::string& name) = 0;
    /// Makes it where it is not there.
    virtual std::unique_ptr<TargetDatabase> open(const DatabaseInfo& info) = 0;
    /// Throws `Damage` where there is none.
    virtual std::unique_ptr<TargetDatabase> open_existing(const std::string& name) = 0;
    virtual void erase(const std::string& name) = 0;
};

/// The data folder of a Divan that is not running; made where it is not there. Throws
/// `storage::EngineFailure` where another process has it open.
std::unique_ptr<Target> open_folder_target(const std::filesystem::path& folder);

}  // namespace divan::import
