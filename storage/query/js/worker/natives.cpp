#include "storage/query/js/worker/natives.h"

#include <js/CallAndConstruct.h>
#include <js/CompilationAndEvaluation.h>
#include <js/Conversions.h>
#include <js/GlobalObject.h>
#include <js/PropertyAndElement.h>
#include <js/Realm.h>
#include <js/SourceText.h>

#include <algorithm>
#include <array>

#include "storage/query/js/worker/text.h"

namespace divan::storage::js {
namespace {

constexpr JSClass global_class = {
    "global", JSCLASS_GLOBAL_FLAGS, &JS::DefaultGlobalClassOps, nullptr, nullptr, nullptr};
constexpr std::size_t anonymous_functions_max = 1000;

Natives& natives(JSContext* cx) {
    return *static_cast<Natives*>(JS_GetContextPrivate(cx));
}

bool text_of(JSContext* cx, JS::HandleValue value, Bytes& out) {
    const JS::RootedString string(cx, JS::ToString(cx, value));
    return string && append_text(cx, string, out);
}

bool log(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    Bytes line;
    if (!text_of(cx, args.get(0), line)) return false;
    natives(cx).outside.log(line);
    args.rval().setUndefined();
    return true;
}

bool freeze(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    args.rval().setUndefined();
    if (!args.get(0).isObject()) return true;
    const JS::RootedObject object(cx, &args[0].toObject());
    return JS_DeepFreezeObject(cx, object);
}

/// emit(key, value).
bool emit(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    args.rval().setUndefined();
    JS::RootedValue value(cx, args.get(1));
    if (value.isObject()) {
        const JS::RootedObject object(cx, &value.toObject());
        bool may_be_error = false;
        if (!JS_HasProperty(cx, object, "stack", &may_be_error)) return false;
        if (may_be_error && !natives(cx).globals.make_readable(&value)) return false;
    }
    auto emitted = natives(cx).globals.emitted();
    return emitted.append(args.get(0)) && emitted.append(value);
}

bool new_sandbox(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    const JS::RootedObject global(cx, new_global(cx, natives(cx).globals.global()));
    if (!global) return false;
    const JSAutoRealm realm(cx, global);
    if (!JS_DefineFunction(cx, global, "emit", emit, 2, JSPROP_ENUMERATE)) return false;
    args.rval().setObject(*global);
    return true;
}

// Evaluates the first argument in the global that is the second; the third is its name.
struct Script {
    Bytes source;
    Bytes name;
    JS::RootedObject global;

    explicit Script(JSContext* cx) : global(cx) {}

    bool read(JSContext* cx, const JS::CallArgs& args) {
        if (!text_of(cx, args.get(0), source) || !text_of(cx, args.get(2), name)) return false;
        global = &args.get(1).toObject();
        return true;
    }
};

bool evaluate_in(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    Script script(cx);
    if (!script.read(cx, args)) return false;
    const JSAutoRealm realm(cx, script.global);
    return evaluate(cx, script.source, script.name.c_str(), args.rval());
}

JSScript* compile_script(JSContext* cx, BytesView source, const char* name) {
    JS::CompileOptions options(cx);
    options.setFileAndLine(name, 1);
    JS::SourceText<mozilla::Utf8Unit> text;
    if (!text.init(cx, source.data(), source.size(), JS::SourceOwnership::Borrowed)) return nullptr;
    return JS::Compile(cx, options, text);
}

bool is_name(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

constexpr BytesView function_word = "function";

/// Whether `source` has the word at `at`, and then no name.
bool anonymous_function_at(BytesView source, std::size_t at) {
    if (at > 0 && is_name(source[at - 1])) return false;
    const auto after = source.substr(at + function_word.size());
    const auto* next = std::find_if_not(after.begin(), after.end(), is_space);
    return next != after.end() && (*next == '(' || *next == '*' || *next == '/');
}

/// CouchDB takes a program whose last function declaration has no name, as in
/// "function (doc) {…}", and makes an expression of it (share/server/60/rewrite_fun.js). JavaScript
/// does not, so each place where that could be is tried: an operator before it does the same.
JSScript* compile_anonymous(JSContext* cx, BytesView source, const char* name) {
    std::size_t at = source.find(function_word);
    for (std::size_t tries = 0; at != Bytes::npos && tries < anonymous_functions_max; ++tries) {
        if (anonymous_function_at(source, at)) {
            JS_ClearPendingException(cx);
            const Bytes changed = Bytes(source.substr(0, at)) + "0," + Bytes(source.substr(at));
            if (JSScript* script = compile_script(cx, changed, name)) return script;
        }
        at = source.find(function_word, at + function_word.size());
    }
    return nullptr;
}

bool compile(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    Script script(cx);
    if (!script.read(cx, args)) return false;
    const JSAutoRealm realm(cx, script.global);
    JS::RootedScript compiled(cx, compile_script(cx, script.source, script.name.c_str()));
    if (!compiled) compiled = compile_anonymous(cx, script.source, script.name.c_str());
    return compiled && JS_ExecuteScript(cx, compiled, args.rval());
}

bool call_for_text(JSContext* cx, JS::HandleValue function, Bytes& out) {
    JS::RootedValue result(cx);
    if (!JS_CallFunctionValue(cx, nullptr, function, JS::HandleValueArray::empty(), &result)) {
        return false;
    }
    if (!result.isString()) return true;
    const JS::RootedString text(cx, result.toString());
    return append_text(cx, text, out);
}

/// nextRow(takeHead, takeChunks): the next row's JSON, or null.
bool next_row(JSContext* cx, unsigned count, JS::Value* values) {
    const auto args = JS::CallArgsFromVp(count, values);
    const auto& outside = natives(cx).outside;
    if (outside.lacks_rows()) {
        Bytes head;
        Bytes output;
        if (!call_for_text(cx, args.get(0), head) || !call_for_text(cx, args.get(1), output)) {
            return false;
        }
        outside.ask_for_rows(head, output);
    }
    Bytes row;
    if (!outside.next_row(row)) {
        args.rval().setNull();
        return true;
    }
    JSString* text = new_string(cx, row);
    if (text == nullptr) return false;
    args.rval().setString(text);
    return true;
}

constexpr auto functions = std::to_array<JSFunctionSpec>({
    JS_FN("log", log, 1, 0),
    JS_FN("freeze", freeze, 1, 0),
    JS_FN("newSandbox", new_sandbox, 0, 0),
    JS_FN("evaluate", evaluate_in, 3, 0),
    JS_FN("compile", compile, 3, 0),
    JS_FN("nextRow", next_row, 2, 0),
    JS_FS_END,
});

}  // namespace

JSObject* new_global(JSContext* cx, JSObject* neighbour) {
    JS::RealmOptions options;
    if (neighbour == nullptr) {
        options.creationOptions().setNewCompartmentAndZone();
    } else {
        options.creationOptions().setExistingCompartment(neighbour);
    }
    options.creationOptions().setToSourceEnabled(true).setSharedMemoryAndAtomicsEnabled(false);
    const JS::RootedObject global(
        cx, JS_NewGlobalObject(cx, &global_class, nullptr, JS::FireOnNewGlobalHook, options));
    if (!global) return nullptr;
    const JSAutoRealm realm(cx, global);
    return JS::InitRealmStandardClasses(cx) ? global.get() : nullptr;
}

JSObject* Natives::make(JSContext* cx) {
    const JS::RootedObject object(cx, JS_NewPlainObject(cx));
    if (!object || !JS_DefineFunctions(cx, object, functions.data())) return nullptr;
    return object;
}

bool evaluate(JSContext* cx, BytesView source, const char* name, JS::MutableHandleValue result) {
    const JS::RootedScript script(cx, compile_script(cx, source, name));
    return script && JS_ExecuteScript(cx, script, result);
}

}  // namespace divan::storage::js
