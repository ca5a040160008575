#pragma once

#include <jsapi.h>

#include "storage/base/bytes.h"
#include "storage/query/js/worker/globals.h"

namespace divan::storage::js {

/// A new global in the compartment of `neighbour`, or in one of its own where there is none. Null
/// with an exception pending where memory is short.
JSObject* new_global(JSContext* cx, JSObject* neighbour);

/// What prelude.js is given as `native`. Its functions find their `Globals` and `Outside` by the
/// context's private pointer, which must be a `Natives`.
struct Natives {
    Globals& globals;
    Outside& outside;

    static JSObject* make(JSContext* cx);
};

/// Evaluates a script in the current realm. False with an exception pending.
bool evaluate(JSContext* cx, BytesView source, const char* name, JS::MutableHandleValue result);

}  // namespace divan::storage::js
