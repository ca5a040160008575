#pragma once

#include <optional>

#include "storage/base/error.h"
#include "storage/base/json_normaliser.h"
#include "storage/document/client_document.h"

namespace divan::storage {

/// The use of this thread's normaliser for one text.
class NormaliserUse {
public:
    NormaliserUse() : normaliser_(JsonNormaliser::of_this_thread()) {}
    ~NormaliserUse() { normaliser_.unload(); }
    NormaliserUse(const NormaliserUse&) = delete;
    NormaliserUse& operator=(const NormaliserUse&) = delete;
    JsonNormaliser& operator*() const { return normaliser_; }

private:
    JsonNormaliser& normaliser_;
};

Error invalid_json();
Error no_json_object();

/// Makes a document of what `root_object` has just read. Returns the refusal, if any.
std::optional<Error> read_document(JsonNormaliser& normaliser, ClientDocument& document);

}  // namespace divan::storage
