#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/database/catalog.h"
#include "storage/database/edit.h"
#include "storage/database/read_view.h"
#include "storage/engine/memory_engine.h"

namespace divan::storage {

/// A database on an engine in memory, and the edits tests make in it.
struct DatabaseFixture {
    std::unique_ptr<Engine> engine = make_memory_engine();
    Catalog catalog{*engine};
    std::shared_ptr<Database> database = catalog.create("db").value();

    EditOutcome write(const std::string& json, bool new_edits = true) {
        std::vector<Edit> edits;
        edits.push_back(make_edit(parse_client_document(json).value(), new_edits).value());
        return database->writer().write(std::move(edits)).value().front();
    }
    /// The revision of an edit that must work.
    std::string put(const std::string& json) { return to_string(write(json).value()); }
    /// The body of the winner, or "" where there is none.
    std::string text(const std::string& id) const {
        const auto found = read_winner(*database, id);
        return found ? std::string(found->body.text()) : "";
    }
};

}  // namespace divan::storage
