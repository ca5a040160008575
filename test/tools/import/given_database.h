#pragma once

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/import/source.h"
#include "tools/import/target.h"

namespace divan::import {

/// A source of what a test gives it.
struct GivenDatabase final : SourceDatabase {
    DatabaseInfo about;
    std::vector<Document> given;
    std::vector<LocalDocument> given_locals;
    bool tells_all_locals = false;
    std::vector<Purge> given_purges;
    std::optional<std::string> given_purge_sequence;
    std::shared_ptr<int> purges_read = std::make_shared<int>(0);  ///< Of all copies.
    std::string breaks_before;  ///< The id of a document; empty: none.

    const DatabaseInfo& info() const override { return about; }
    std::size_t parts() const override { return 1; }
    void documents(std::size_t, const std::string& after,
                   const std::function<void(Document)>& visit, const TellFailure&) override {
        for (const auto& document : given) {
            if (document.id == breaks_before) throw std::runtime_error("the source is gone");
            if (document.id > after) visit(document);
        }
    }
    void locals(const std::function<void(LocalDocument)>& visit, const TellFailure&) override {
        for (const auto& local : given_locals) visit(local);
    }
    bool locals_whole() const override { return tells_all_locals; }
    void purges(const std::function<void(Purge)>& visit, const TellFailure&) override {
        ++*purges_read;
        for (const auto& purge : given_purges) visit(purge);
    }
    std::optional<std::string> purge_sequence() const override { return given_purge_sequence; }
};

/// A source of one database, `made`, copied whenever it is opened.
struct GivenSource final : Source {
    GivenDatabase made;
    std::vector<std::string> remarks_;

    std::vector<std::string> names() override { return {made.about.name}; }
    std::unique_ptr<SourceDatabase> open(const std::string&) override {
        return std::make_unique<GivenDatabase>(made);
    }
    const std::vector<std::string>& remarks() const override { return remarks_; }
};

/// A source, and a data folder of its own, `data` in `folder`, to bring it to.
struct GivenImport {
    std::filesystem::path folder;
    std::unique_ptr<Target> target;
    GivenSource source;

    explicit GivenImport(const std::string& name)
        : folder(std::filesystem::temp_directory_path() /
                 ("divan_" + name + "_" + std::to_string(::getpid()))) {
        std::filesystem::remove_all(folder);
        target = open_folder_target(folder / "data");
        source.made.about.name = "given";
    }
    ~GivenImport() {
        target.reset();
        std::filesystem::remove_all(folder);
    }
    GivenImport(const GivenImport&) = delete;
    GivenImport& operator=(const GivenImport&) = delete;
};

inline Document one_leaf(const std::string& id, const std::string& json, char hash,
                         bool deleted = false) {
    Leaf leaf{1, {storage::RevisionHash(std::string(16, hash))}, deleted, json, {}};
    return {id, {leaf}, id};
}

}  // namespace divan::import
