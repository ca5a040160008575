// divan-js: runs the functions of design documents, for one divan, over standard input and output.
// It is started by storage/query/js/worker_process.cpp and of no use by itself.

#include <js/Context.h>
#include <js/Initialization.h>
#include <js/MemoryCallbacks.h>
#include <js/Principals.h>
#include <js/Stack.h>
#include <jsapi.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>

#include "storage/query/js/worker/commands.h"
#include "storage/query/js/worker/confine.h"
#include "storage/query/js/worker/natives.h"

namespace divan::storage::js {
namespace {

// What the engine takes besides its heap: code, tables, the strings and arrays it counts late.
constexpr std::size_t memory_beside_heap_bytes = std::size_t{192} << 20;
constexpr std::size_t heap_bytes_min = std::size_t{8} << 20;
constexpr std::size_t heap_bytes_max = std::size_t{3} << 30;
constexpr std::size_t stack_bytes_max = std::size_t{2} << 20;

// eval() and Function(), which CouchDB does not allow either.
bool allow_eval(JSContext*, JS::RuntimeCode, JS::HandleString) {
    return false;
}

constexpr JSSecurityCallbacks security = {allow_eval, nullptr};

void out_of_memory(JSContext*, void*) {
    _exit(1);
}

std::size_t stack_bytes() {
    rlimit limit{};
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return stack_bytes_max;
    }
    return std::min(stack_bytes_max, static_cast<std::size_t>(limit.rlim_cur / 2));
}

/// The engine, and a script that makes it load what it needs from files: the time zone, and ICU.
JSContext* start_engine(std::size_t heap_bytes) {
    JS::DisableJitBackend();  // Nothing is to be executable that was not when the program started.
    if (!JS_Init()) return nullptr;
    JSContext* cx = JS_NewContext(static_cast<std::uint32_t>(heap_bytes));
    if (cx == nullptr) return nullptr;
    JS_SetNativeStackQuota(cx, stack_bytes());
    JS_SetSecurityCallbacks(cx, &security);
    JS::SetOutOfMemoryCallback(cx, out_of_memory, nullptr);
    if (!JS::InitSelfHostedCode(cx)) return nullptr;
    const JS::RootedObject global(cx, new_global(cx, nullptr));
    if (!global) return nullptr;
    const JSAutoRealm realm(cx, global);
    JS::RootedValue ignored(cx);
    constexpr BytesView warm_up =
        "new Date(2000, 6).toString(); new Date().toLocaleString(); 'b'.localeCompare('a');"
        "(1.5).toLocaleString(); 'a'.normalize(); Math.random(); /a/iu.test('A')";
    return evaluate(cx, warm_up, "start", &ignored) ? cx : nullptr;
}

int run(std::size_t heap_bytes) {
    JSContext* cx = start_engine(heap_bytes);
    if (cx == nullptr) {
        std::fputs("divan-js: the JavaScript engine does not start\n", stderr);
        return 1;
    }
    confine(heap_bytes + memory_beside_heap_bytes);
    Channel channel;
    Commands(cx, channel).run();
    return 0;
}

}  // namespace
}  // namespace divan::storage::js

int main(int count, char** words) {
    using namespace divan::storage::js;
    std::size_t heap_bytes = 0;
    if (count == 2) std::from_chars(words[1], words[1] + std::strlen(words[1]), heap_bytes);
    if (heap_bytes < heap_bytes_min || heap_bytes > heap_bytes_max) {
        std::fputs("usage: divan-js HEAP_BYTES\ndivan starts it; it serves no other.\n", stderr);
        return 2;
    }
    int status = 1;
    try {
        status = run(heap_bytes);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "divan-js: %s\n", error.what());
    }
    _exit(status);  // The engine's memory goes with the process.
}
