#include "storage/query/js/worker/commands.h"

#include <js/Array.h>
#include <js/CallAndConstruct.h>
#include <js/PropertyAndElement.h>

#include "storage/query/js/worker/text.h"

namespace divan::storage::js {
namespace {

/// A batch may hold no more of them than it has bytes.
std::size_t read_count(ByteReader& fields) {
    const auto count = fields.varint();
    if (count > fields.rest().size()) throw CorruptBytes();
    return static_cast<std::size_t>(count);
}

/// JS_DeepFreezeObject takes all the stack that the document asks for.
bool nested_too_deeply(BytesView document) {
    constexpr std::size_t nesting_max = 2000;
    return document.size() > 2 * nesting_max && nesting(document) > nesting_max;
}

void set_text(Globals& globals, JSContext* cx, JS::MutableHandleValue value, BytesView text) {
    JSString* string = new_string(cx, text);
    if (string == nullptr) globals.fail();
    value.setString(string);
}

void append_text_or_fail(Globals& globals, JSContext* cx, const JS::Value& value, Bytes& out) {
    const JS::RootedString text(cx, value.toString());
    if (!append_text(cx, text, out)) globals.fail();
}

}  // namespace

Commands::Commands(JSContext* cx, Channel& channel) : cx_(cx), channel_(channel) {
    outside_.log = [this](BytesView line) { channel_.log(line); };
    outside_.lacks_rows = [this] { return rows_given_ == rows_.size() && !rows_ended_; };
    outside_.ask_for_rows = [this](BytesView head, BytesView output) {
        ask_for_rows(head, output);
    };
    outside_.next_row = [this](Bytes& row) { return next_row(row); };
}

void Commands::run() {
    reply_.restart(Reply::ready);
    reply_.fields().varint(protocol_version);
    channel_.send(reply_);
    while (const auto frame = channel_.read()) {
        answer(*frame);
        JS_MaybeGC(cx_);
    }
}

void Commands::answer(BytesView frame) {
    ByteReader fields(frame);
    const auto kind = static_cast<Request>(fields.u8());
    reply_.restart(Reply::done);
    try {
        answer(kind, fields);
        if (reply_.size() > frame_bytes_max) {
            throw Failure(false, "os_process_error",
                          "\"a JavaScript function's answer is too long\"");
        }
    } catch (const Failure& failure) {
        refuse(failure);
    }
    channel_.send(reply_);
}

void Commands::refuse(const Failure& failure) {
    JS_ClearPendingException(cx_);
    reply_.restart(Reply::refused);
    reply_.fields().u8(failure.fatal ? 1 : 0);
    reply_.fields().sized(failure.error);
    reply_.fields().sized(failure.reason_json);
}

void Commands::answer(Request kind, ByteReader& fields) {
    switch (kind) {
        case Request::open:
            return open(fields);
        case Request::close:
            globals_.erase(Bytes(fields.raw(context_bytes)));
            return;
        case Request::compile: {
            auto& design = globals(fields);
            const JSAutoRealm realm(cx_, design.global());
            design.view_function("compileMap", fields.sized());
            return;
        }
        case Request::map:
            return map(fields);
        case Request::reduce:
            return reduce(fields);
        case Request::validate:
            return validate(fields);
        case Request::filter:
            return filter(fields, false);
        case Request::filter_view:
            return filter(fields, true);
        case Request::show:
            return render(fields, "show", 3);
        case Request::update:
            return render(fields, "update", 3);
        case Request::rewrite:
            return render(fields, "rewrite", 1);
        case Request::list:
            return list(fields);
        case Request::rows:
        case Request::rows_end:
            break;
    }
    throw CorruptBytes();
}

Globals& Commands::globals(ByteReader& fields) {
    const auto found = globals_.find(fields.raw(context_bytes));
    if (found == globals_.end()) throw CorruptBytes();
    return *found->second;
}

void Commands::open(ByteReader& fields) {
    const Bytes context(fields.raw(context_bytes));
    globals_[context] = std::make_unique<Globals>(cx_, outside_, fields.sized());
}

void Commands::map(ByteReader& fields) {
    auto& design = globals(fields);
    const JSAutoRealm realm(cx_, design.global());
    JS::RootedObjectVector functions(cx_);
    for (auto left = read_count(fields); left > 0; --left) {
        if (!functions.append(design.view_function("compileMap", fields.sized()))) design.fail();
    }
    for (auto left = read_count(fields); left > 0; --left) {
        map_document(design, fields.sized(), functions);
        channel_.keep_alive();
    }
}

/// False for a document that is nested too deeply: it is left out, so that one document cannot
/// break an index.
bool Commands::read_frozen(BytesView text, JS::MutableHandleValue document) {
    if (!nested_too_deeply(text) && parse_json(cx_, text, document)) {
        if (!document.isObject()) return true;
        const JS::RootedObject object(cx_, &document.toObject());
        if (JS_DeepFreezeObject(cx_, object)) return true;
    }
    JS_ClearPendingException(cx_);
    constexpr std::size_t shown_bytes = 100;
    channel_.log("a document cannot be given to map functions: " +
                 Bytes(text.substr(0, shown_bytes)));
    return false;
}

void Commands::map_document(Globals& design, BytesView text,
                            const JS::RootedObjectVector& functions) {
    auto emitted = design.emitted();
    emitted.clear();
    std::vector<std::size_t> ends;
    JS::RootedValue document(cx_);
    const bool read = read_frozen(text, &document);
    for (const auto& function : functions) {
        if (read) design.map(JS::RootedObject(cx_, function), document);
        ends.push_back(emitted.length());
    }
    // Written only now, as what was emitted may have changed since.
    std::size_t at = 0;
    Bytes json;
    for (const auto end : ends) {
        reply_.fields().varint((end - at) / 2);
        for (; at < end; ++at) {
            json.clear();
            if (!append_json(cx_, emitted[at], json)) design.fail();
            reply_.fields().sized(json);
        }
    }
}

void Commands::reduce(ByteReader& fields) {
    auto& design = globals(fields);
    const JSAutoRealm realm(cx_, design.global());
    JS::RootedValueVector functions(cx_);
    for (auto left = read_count(fields); left > 0; --left) {
        JSObject* function = design.view_function("compileReduce", fields.sized());
        if (!functions.append(JS::ObjectValue(*function))) design.fail();
    }
    const std::size_t count = functions.length();
    JS::RootedValueArray<3> args(cx_);
    JSObject* array = JS::NewArrayObject(cx_, functions);
    if (array == nullptr) design.fail();
    args[0].setObject(*array);
    set_text(design, cx_, args[1], fields.sized());
    set_text(design, cx_, args[2], fields.sized());
    JS::RootedValue result(cx_);
    design.call("reduce", args, &result);
    const JS::RootedObject reductions(cx_, &result.toObject());
    Bytes json;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!JS_GetElement(cx_, reductions, i, &result)) design.fail();
        json.clear();
        append_text_or_fail(design, cx_, result, json);
        reply_.fields().sized(json);
    }
}

void Commands::validate(ByteReader& fields) {
    auto& design = globals(fields);
    const JSAutoRealm realm(cx_, design.global());
    JS::RootedValueArray<4> args(cx_);
    set_text(design, cx_, args[2], fields.sized());
    set_text(design, cx_, args[3], fields.sized());
    JS::RootedValue thrown(cx_);
    for (auto left = read_count(fields); left > 0; --left) {
        set_text(design, cx_, args[0], fields.sized());
        set_text(design, cx_, args[1], fields.sized());
        try {
            design.call("validate", args, &thrown);
            Bytes json;
            if (thrown.isString()) append_text_or_fail(design, cx_, thrown, json);
            const auto outcome = thrown.isString() ? Outcome::threw : Outcome::passed;
            reply_.fields().u8(static_cast<std::uint8_t>(outcome));
            if (outcome == Outcome::threw) reply_.fields().sized(json);
        } catch (const Failure& failure) {
            if (failure.fatal) throw;
            reply_.fields().u8(static_cast<std::uint8_t>(Outcome::failed));
            reply_.fields().sized(failure.error);
            reply_.fields().sized(failure.reason_json);
        }
        channel_.keep_alive();
    }
}

void Commands::filter(ByteReader& fields, bool by_view) {
    auto& design = globals(fields);
    const JSAutoRealm realm(cx_, design.global());
    JS::RootedValueArray<2> args(cx_);
    set_text(design, cx_, args[0], fields.sized());
    if (!by_view) set_text(design, cx_, args[1], fields.sized());
    JS::RootedValue function(cx_);
    design.call(by_view ? "filterView" : "filter", args, &function);
    JS::RootedValue document(cx_);
    JS::RootedValue passes(cx_);
    for (auto left = read_count(fields); left > 0; --left) {
        design.emitted().clear();
        if (!parse_json(cx_, fields.sized(), &document) ||
            !JS_CallFunctionValue(cx_, nullptr, function, JS::HandleValueArray(document),
                                  &passes)) {
            design.fail();
        }
        const bool passed = by_view ? !design.emitted().empty() : passes.isTrue();
        reply_.fields().u8(passed ? 1 : 0);
        channel_.keep_alive();
    }
    design.emitted().clear();
}

void Commands::render(ByteReader& fields, const char* function, int texts) {
    auto& design = globals(fields);
    const JSAutoRealm realm(cx_, design.global());
    JS::RootedValueVector args(cx_);
    JS::RootedValue value(cx_);
    for (int i = 0; i < texts; ++i) {
        set_text(design, cx_, &value, fields.sized());
        if (!args.append(value)) design.fail();
    }
    design.call(function, args, &value);
    Bytes json;
    if (value.isString()) {
        append_text_or_fail(design, cx_, value, json);
        reply_.fields().sized(json);
    } else if (value.isObject()) {  // A document and a response.
        const JS::RootedObject pair(cx_, &value.toObject());
        for (std::uint32_t i = 0; i < 2; ++i) {
            if (!JS_GetElement(cx_, pair, i, &value)) design.fail();
            json.clear();
            append_text_or_fail(design, cx_, value, json);
            reply_.fields().sized(json);
        }
    }
}

void Commands::list(ByteReader& fields) {
    auto& design = globals(fields);
    const JSAutoRealm realm(cx_, design.global());
    JS::RootedValueArray<3> args(cx_);
    for (std::size_t i = 0; i < args.length(); ++i) {
        set_text(design, cx_, args[i], fields.sized());
    }
    rows_.clear();
    rows_given_ = 0;
    rows_ended_ = false;
    JS::RootedValue value(cx_);
    design.call("list", args, &value);
    const JS::RootedObject pieces(cx_, &value.toObject());
    reply_.restart(Reply::part);
    reply_.fields().u8(1);
    for (std::uint32_t i = 0; i < 2; ++i) {
        if (!JS_GetElement(cx_, pieces, i, &value)) design.fail();
        Bytes text;
        if (value.isString()) append_text_or_fail(design, cx_, value, text);
        reply_.fields().sized(text);
    }
}

bool Commands::next_row(Bytes& row) {
    if (rows_given_ == rows_.size()) return false;
    row = std::move(rows_[rows_given_++]);
    return true;
}

void Commands::ask_for_rows(BytesView head, BytesView output) {
    FrameWriter part(Reply::part);
    part.fields().u8(0);
    part.fields().sized(head);
    part.fields().sized(output);
    channel_.send(part);
    rows_.clear();
    rows_given_ = 0;
    const auto frame = channel_.read();
    if (!frame) throw ServerGone();
    ByteReader fields(*frame);
    const auto kind = static_cast<Request>(fields.u8());
    if (kind == Request::rows_end) {
        rows_ended_ = true;
    } else if (kind == Request::rows) {
        for (auto left = read_count(fields); left > 0; --left) rows_.emplace_back(fields.sized());
    } else {
        throw CorruptBytes();
    }
}

}  // namespace divan::storage::js
