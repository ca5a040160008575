#include "storage/query/js/worker/globals.h"

#include <js/Array.h>
#include <js/CallAndConstruct.h>
#include <js/PropertyAndElement.h>

#include "storage/query/js/worker/natives.h"
#include "storage/query/js/worker/prelude.h"
#include "storage/query/js/worker/text.h"

namespace divan::storage::js {
namespace {

Failure out_of_everything() {
    return {true, "InternalError", "\"the JavaScript engine gave up\""};
}

}  // namespace

Globals::Globals(JSContext* cx, Outside& outside, BytesView design_json)
    : cx_(cx),
      natives_(std::make_unique<Natives>(Natives{*this, outside})),
      global_(cx),
      prelude_(cx),
      emitted_(cx, JS::GCVector<JS::Value>(cx)) {
    enter();
    global_ = new_global(cx, nullptr);
    if (!global_) throw out_of_everything();
    const JSAutoRealm realm(cx, global_);
    JS::RootedValueArray<2> args(cx);
    JS::RootedValue make(cx);
    JS::RootedValue made(cx);
    args[0].setObjectOrNull(Natives::make(cx));
    JSString* design = new_string(cx, design_json);
    if (args[0].isNull() || design == nullptr) throw out_of_everything();
    args[1].setString(design);
    if (!evaluate(cx, prelude_source, "prelude", &make) ||
        !JS_CallFunctionValue(cx, nullptr, make, args, &made)) {
        JS_ClearPendingException(cx);
        throw Failure(false, "bad_request", "\"the design document is no JSON object\"");
    }
    prelude_ = &made.toObject();
}

Globals::~Globals() = default;

void Globals::enter() {
    JS_SetContextPrivate(cx_, natives_.get());
}

bool Globals::call_prelude(const char* function, const JS::HandleValueArray& arguments,
                           JS::MutableHandleValue result) {
    return JS_CallFunctionName(cx_, prelude_, function, arguments, result);
}

void Globals::call(const char* function, const JS::HandleValueArray& arguments,
                   JS::MutableHandleValue result) {
    enter();
    if (!call_prelude(function, arguments, result)) fail();
}

void Globals::fail() {
    JS::RootedValue thrown(cx_);
    JS::RootedValue told(cx_);
    if (!JS_GetPendingException(cx_, &thrown)) throw out_of_everything();
    JS_ClearPendingException(cx_);
    if (!call_prelude("failure", JS::HandleValueArray(thrown), &told)) {
        JS_ClearPendingException(cx_);
        throw Failure(false, "unnamed_error", "\"what was thrown cannot be told\"");
    }
    const JS::RootedObject fields(cx_, &told.toObject());
    Bytes text[2];
    JS::RootedValue field(cx_);
    for (std::uint32_t i = 0; i < 2; ++i) {
        if (!JS_GetElement(cx_, fields, i + 1, &field)) throw out_of_everything();
        const JS::RootedString string(cx_, field.toString());
        if (!append_text(cx_, string, text[i])) throw out_of_everything();
    }
    if (!JS_GetElement(cx_, fields, 0, &field)) throw out_of_everything();
    throw Failure(field.toInt32() != 0, std::move(text[0]), std::move(text[1]));
}

JSObject* Globals::view_function(const char* compiler, BytesView source) {
    const std::string key = std::string(compiler) + ' ' + std::string(source);
    if (const auto found = functions_.find(key); found != functions_.end()) return found->second;
    JS::RootedValue text(cx_);
    JS::RootedValue function(cx_);
    JSString* string = new_string(cx_, source);
    if (string == nullptr) fail();
    text.setString(string);
    call(compiler, JS::HandleValueArray(text), &function);
    return functions_.try_emplace(key, cx_, &function.toObject()).first->second;
}

void Globals::map(JS::HandleObject function, JS::HandleValue document) {
    enter();
    const std::size_t before = emitted_.length();
    JS::RootedValue ignored(cx_);
    const JS::RootedValue callee(cx_, JS::ObjectValue(*function));
    if (JS_CallFunctionValue(cx_, nullptr, callee, JS::HandleValueArray(document), &ignored)) {
        return;
    }
    JS::RootedValueArray<2> args(cx_);
    if (!JS_GetPendingException(cx_, args[0])) throw out_of_everything();
    JS_ClearPendingException(cx_);
    args[1].set(document);
    call("mapFailed", args, &ignored);
    if (!emitted_.resize(before)) throw out_of_everything();
}

bool Globals::make_readable(JS::MutableHandleValue value) {
    const JS::RootedValue argument(cx_, value);
    const JSAutoRealm realm(cx_, global_);
    return call_prelude("readable", JS::HandleValueArray(argument), value);
}

}  // namespace divan::storage::js
