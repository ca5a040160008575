#pragma once

#include <js/GCVector.h>
#include <jsapi.h>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/bytes.h"

namespace divan::storage::js {

struct Natives;

/// What a function threw, as the client is to hear of it.
class Failure : public std::exception {
public:
    Failure(bool is_fatal, Bytes what_error, Bytes what_reason)
        : fatal(is_fatal), error(std::move(what_error)), reason_json(std::move(what_reason)) {}

    bool fatal;  ///< The process should end.
    Bytes error;
    Bytes reason_json;
};

/// What functions reach of the world outside.
struct Outside {
    std::function<void(BytesView line)> log;
    /// Whether the next row has not arrived yet.
    std::function<bool()> lacks_rows;
    /// Hands on what a list has to say (empty head: it was said before) and waits for rows.
    std::function<void(BytesView head, BytesView output)> ask_for_rows;
    /// The next row that arrived; false where there is none.
    std::function<bool(Bytes& row)> next_row;
};

/// The globals of one design document: one for the helpers that functions are given, and one for
/// each function. They are a compartment of their own, so that no object of one design document
/// is ever seen by another's functions.
///
/// `cx` and `outside` must outlive it. Every call enters its own realm.
class Globals {
public:
    /// Throws `Failure`.
    Globals(JSContext* cx, Outside& outside, BytesView design_json);
    ~Globals();
    Globals(const Globals&) = delete;
    Globals& operator=(const Globals&) = delete;

    JSObject* global() const { return global_; }

    /// Calls a function of prelude.js. Throws `Failure`.
    void call(const char* function, const JS::HandleValueArray& arguments,
              JS::MutableHandleValue result);

    /// The compiled function of a view, from the cache where it was seen before. `compiler` is
    /// "compileMap" or "compileReduce".
    JSObject* view_function(const char* compiler, BytesView source);

    /// Runs a map function on a frozen document; what it emitted is in `emitted()`, key after
    /// value, from where it was before. A function that throws has emitted nothing.
    void map(JS::HandleObject function, JS::HandleValue document);
    JS::MutableHandle<JS::GCVector<JS::Value>> emitted() { return &emitted_; }

    /// Makes an object of an Error, whose members JSON would leave out. False with an exception
    /// pending.
    bool make_readable(JS::MutableHandleValue value);

    /// Throws what is pending.
    [[noreturn]] void fail();

private:
    /// Makes the natives find this.
    void enter();
    bool call_prelude(const char* function, const JS::HandleValueArray& arguments,
                      JS::MutableHandleValue result);

    JSContext* cx_;
    std::unique_ptr<Natives> natives_;
    JS::PersistentRootedObject global_;
    JS::PersistentRootedObject prelude_;
    JS::PersistentRooted<JS::GCVector<JS::Value>> emitted_;
    std::map<std::string, JS::PersistentRootedObject, std::less<>> functions_;
};

}  // namespace divan::storage::js
