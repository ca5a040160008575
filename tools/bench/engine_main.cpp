// divan-bench-engine: what the storage engine alone does with the bytes that Divan writes for each
// document. The distance between these figures and divan-bench's is what the server costs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "storage/engine/keys.h"
#include "storage/engine/rocks_engine.h"
#include "tools/bench/documents.h"
#include "tools/bench/process.h"

namespace divan::bench {
namespace {

using Clock = std::chrono::steady_clock;
using storage::Batch;
using storage::Engine;
using storage::Family;
namespace keys = storage::keys;

constexpr DatabaseId database{1};
constexpr std::size_t chunk_bytes = 64U << 10;
constexpr std::size_t file_bytes = 8U << 20;

struct Arguments {
    std::string folder;
    double seconds = 3;
    std::uint64_t documents = 20000;
    std::size_t document_bytes = 450;
};

// What Divan writes for one new document: record, body, change; sizes as in docs/DATA.md.
void put_document(Batch& batch, std::uint64_t number, std::string_view text) {
    const std::string id = make_id(number);
    const Bytes revision = make_noise(number, 18);
    batch.put(Family::docs, keys::document(database, id), make_noise(number, 48));
    batch.put(Family::bodies, keys::body(database, id, revision), Bytes(text));
    batch.put(Family::changes, keys::change(database, Sequence{number + 1}), id + revision);
}

class Stage {
public:
    Stage(Engine& engine, const Arguments& arguments) : engine_(engine), arguments_(arguments) {
        for (std::uint64_t i = 0; i < 512; ++i) {
            texts_.push_back(make_document(i, arguments.document_bytes));
        }
        for (std::uint64_t i = 0; i < arguments.documents;) {
            Batch batch;
            for (int k = 0; k < 1000 && i < arguments.documents; ++k) put(batch, i++);
            engine_.commit(batch, storage::Durability::synced);
        }
        next_ = arguments.documents;
    }

    void commit_documents(std::uint64_t count) {
        Batch batch;
        for (std::uint64_t i = 0; i < count; ++i) put(batch, next_++);
        batch.put(Family::catalog, keys::state(database), Bytes(24, 's'));
        engine_.commit(batch, storage::Durability::synced);
    }
    void get(Numbers& numbers) {
        const std::uint64_t number = numbers.below(arguments_.documents);
        Bytes value;
        if (!engine_.get(Family::docs, keys::document(database, make_id(number)), value) ||
            !engine_.get(Family::bodies, keys::body(database, make_id(number),
                                                    make_noise(number, 18)), value)) {
            throw std::runtime_error("a document is not there");
        }
    }
    std::uint64_t scan(Family family) {
        const Bytes from = keys::database(database);
        const auto cursor = engine_.cursor(family, from, keys::after_prefix(from));
        std::uint64_t rows = 0;
        for (cursor->seek(from); cursor->valid(); cursor->next()) ++rows;
        return rows;
    }
    void put_file(const std::string& bytes) {
        const AttachmentId id{next_++};
        for (std::size_t at = 0; at < bytes.size(); at += chunk_bytes) {
            Batch batch;
            batch.put(Family::attachments,
                      keys::chunk(database, id, static_cast<std::uint32_t>(at / chunk_bytes)),
                      bytes.substr(at, chunk_bytes));
            engine_.commit(batch, storage::Durability::buffered);
        }
        commit_documents(1);
        last_file_ = id;
    }
    void get_file() {
        const Bytes from = keys::chunks_of(database, last_file_);
        const auto cursor = engine_.cursor(Family::attachments, from, keys::after_prefix(from));
        Bytes bytes;
        for (cursor->seek(from); cursor->valid(); cursor->next()) bytes += cursor->value();
        if (bytes.size() != file_bytes) throw std::runtime_error("a file is not whole");
    }

private:
    void put(Batch& batch, std::uint64_t number) {
        put_document(batch, number, texts_[number % texts_.size()]);
    }

    Engine& engine_;
    const Arguments& arguments_;
    std::vector<std::string> texts_;
    std::atomic<std::uint64_t> next_{0};
    AttachmentId last_file_;
};

// Runs `work`, which returns how many items it did, on `threads` threads for a while.
void measure(std::string_view name, std::string_view unit, double seconds, std::size_t threads,
             const std::function<double(Numbers&)>& work) {
    const auto start = Clock::now();
    const auto deadline =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    const double cpu_before = own_cpu_seconds();
    std::mutex mutex;
    double items = 0;
    std::exception_ptr failure;
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < threads; ++i) {
        crew.emplace_back([&, i] {
            double mine = 0;
            std::exception_ptr broken;
            try {
                for (Numbers numbers(i); Clock::now() < deadline;) mine += work(numbers);
            } catch (...) {
                broken = std::current_exception();
            }
            const std::lock_guard lock(mutex);
            items += mine;
            if (broken) failure = broken;
        });
    }
    for (std::thread& thread : crew) thread.join();
    if (failure) std::rethrow_exception(failure);
    const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    fmt::print("{:<10} {:<7} {:>10.0f} {:>9.2f}\n", name, unit, items / elapsed,
               (own_cpu_seconds() - cpu_before) * 1e6 / items);
    std::fflush(stdout);
}

void run(const Arguments& arguments) {
    const auto engine = storage::open_rocks_engine(arguments.folder);
    Stage stage(*engine, arguments);
    const std::string noise = make_noise(1, file_bytes);
    const double megabytes = static_cast<double>(file_bytes) / 1e6;
    const double seconds = arguments.seconds;
    fmt::print("{:<10} {:<7} {:>10} {:>9}\n", "kind", "unit", "rate", "CPU us");
    measure("put", "docs/s", seconds, 16, [&](Numbers&) { stage.commit_documents(1); return 1.0; });
    measure("put-1", "docs/s", seconds, 1, [&](Numbers&) {
        stage.commit_documents(1);
        return 1.0;
    });
    measure("bulk", "docs/s", seconds, 4,
            [&](Numbers&) { stage.commit_documents(500); return 500.0; });
    measure("get", "docs/s", seconds, 2, [&](Numbers& numbers) { stage.get(numbers); return 1.0; });
    const auto measure_scan = [&](std::string_view name, Family family) {
        measure(name, "rows/s", seconds, 1,
                [&](Numbers&) { return static_cast<double>(stage.scan(family)); });
    };
    measure_scan("docs", Family::docs);
    measure_scan("bodies", Family::bodies);
    measure_scan("changes", Family::changes);
    measure("file-put", "MB/s", seconds, 1, [&](Numbers&) {
        stage.put_file(noise);
        return megabytes;
    });
    measure("file-get", "MB/s", seconds, 1, [&](Numbers&) { stage.get_file(); return megabytes; });
}

}  // namespace
}  // namespace divan::bench

int main(int argc, char** argv) {
    CLI::App app("Measures the storage engine alone with the bytes that Divan writes a document, "
                 "in a new folder.");
    divan::bench::Arguments arguments;
    app.add_option("folder", arguments.folder, "a folder that does not exist yet")->required();
    app.add_option("--seconds", arguments.seconds, "a kind")->check(CLI::Range(0.05, 3600.0));
    app.add_option("--docs", arguments.documents, "documents there are at first")
        ->check(CLI::Range(100, 10000000));
    app.add_option("--doc-bytes", arguments.document_bytes, "of one document")
        ->check(CLI::Range(200, 1000000));
    CLI11_PARSE(app, argc, argv);
    try {
        if (std::filesystem::exists(arguments.folder)) {
            throw std::invalid_argument(arguments.folder + " is there already; a new one, please");
        }
        divan::bench::run(arguments);
        return 0;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "divan-bench-engine: {}\n", failure.what());
        return 1;
    }
}
