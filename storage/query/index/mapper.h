#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/query/index/collation_key.h"
#include "storage/query/index/reducer.h"

namespace divan::storage {

/// A document on its way into an index.
struct MapDocument {
    BytesView id;
    /// A JSON object: `_id`, `_rev`, the body, and what the definition asks for besides.
    BytesView json;
};

/// Takes the rows of an index as they are made.
class RowSink {
public:
    virtual ~RowSink() = default;
    /// `document` is its place in the batch given to the mapper, `tree` that of the definition.
    /// `key` and `value` are JSON as CouchDB prints it (`storage/base/json_normaliser.h`); copied.
    virtual void emit(std::size_t document, std::size_t tree, BytesView key, BytesView value) = 0;
};

/// Gives the rows of the documents that a mapper was given, once.
using MappedRows = std::function<void(RowSink& rows)>;

/// Says which rows documents have: JavaScript's map functions, or Mango's fields. The same document
/// must give the same rows. Any thread, where it may block; several may call at once.
class Mapper {
public:
    virtual ~Mapper() = default;
    /// `documents` and what they point to must stay until the rows were given. Where the batch
    /// cannot be mapped at all, this or the giving throws `Refused`; the index stays as it was.
    virtual MappedRows map(std::span<const MapDocument> documents) = 0;
};

/// An index as it should be. Two definitions with the same name, in one database, are the same
/// index: the name has to change with everything that the rows, their order, or their reductions
/// follow from.
struct IndexDefinition {
    struct Tree {
        Collation collation = Collation::unicode;
        Reducers reducers;
    };
    /// What `_active_tasks` and cleanup go by.
    enum class Kind : char { view = 'v', mango = 'm' };

    Kind kind = Kind::view;
    std::string signature;  ///< 32 hexadecimal digits; with `kind`, the name.
    std::string design;     ///< "_design/name", for `_active_tasks`.
    std::vector<Tree> trees;
    std::shared_ptr<Mapper> mapper;  ///< Shared by those who opened the index.

    bool include_design = false;  ///< Design documents are mapped too.
    bool local_seq = false;       ///< Documents have `_local_seq`.
    bool conflicts = true;        ///< Documents have `_conflicts` and `_deleted_conflicts`.
    /// Rows sort by the partition of their document first: keys have `partition_key` before them.
    bool partitioned = false;

    std::string name() const { return static_cast<char>(kind) + signature; }
};

/// What precedes the collation keys of a partition's rows. Of an id: up to its first colon.
void append_partition_key(Bytes& out, std::string_view partition);

}  // namespace divan::storage
