#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "storage/database/read_view.h"

namespace divan::storage {

/// Reads bodies of documents in byte order of their ids. Quicker than look-ups where many of the
/// documents between the first and the last are asked for. One thread at a time; keeps its view
/// alive.
class BodyWalk {
public:
    explicit BodyWalk(std::shared_ptr<const ReadView> view) : view_(std::move(view)) {}

    /// `id` is that of the call before, or comes after it. Empty where there is no such body.
    std::optional<StoredBody> body(std::string_view id, const Revision& revision);

private:
    std::shared_ptr<const ReadView> view_;
    std::unique_ptr<Cursor> cursor_;
};

}  // namespace divan::storage
