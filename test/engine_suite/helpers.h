#pragma once

#include <string>

#include "storage/engine/engine.h"

namespace divan::storage {

template <class Fill>
void commit(Engine& engine, Fill fill, Durability durability = Durability::buffered) {
    Batch batch;
    fill(batch);
    engine.commit(batch, durability);
}

/// Each letter a key, with its capital for a value.
inline void put_letters(Engine& engine, Family family, std::string_view letters,
                        Durability durability = Durability::buffered) {
    Batch batch;
    for (const char letter : letters) {
        batch.put(family, Bytes(1, letter), Bytes(1, static_cast<char>(letter - 'a' + 'A')));
    }
    engine.commit(batch, durability);
}

inline std::optional<Bytes> get(const Reader& reader, Family family, BytesView key) {
    Bytes value = "left from before";
    if (!reader.get(family, key, value)) return std::nullopt;
    return value;
}

/// "a=A b=B", from where the cursor is to its end.
inline std::string rest(Cursor& cursor) {
    std::string text;
    for (; cursor.valid(); cursor.next()) {
        if (!text.empty()) text.push_back(' ');
        text.append(cursor.key()).append("=").append(cursor.value());
    }
    return text;
}

inline std::string all(const Reader& reader, Family family) {
    const auto cursor = reader.cursor(family, "", "");
    cursor->seek("");
    return rest(*cursor);
}

}  // namespace divan::storage
