#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "storage/engine/fault_engine.h"
#include "storage/engine/memory_engine.h"
#include "storage/engine/rocks_engine.h"

namespace divan::storage {

/// A folder of its own, gone with everything in it at the end.
class EngineFolder {
public:
    EngineFolder() {
        const auto folder = std::filesystem::temp_directory_path();
        std::string name = (folder / "divan-engine-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    ~EngineFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    EngineFolder(const EngineFolder&) = delete;
    EngineFolder& operator=(const EngineFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline RocksOptions quick_rocks() {
    RocksOptions options;
    options.sync_writes = false;
    return options;
}

// The engines that the suite holds to the promises of engine.h. A new engine is one more of these,
// and its name in `DIVAN_ENGINES`.

struct OnRocks {
    EngineFolder folder;
    std::unique_ptr<Engine> engine = open_rocks_engine(folder.path(), quick_rocks());
};

struct OnIngestingRocks {
    static RocksOptions options() {
        auto options = quick_rocks();
        options.ingest_bytes_min = 1;
        return options;
    }
    EngineFolder folder;
    std::unique_ptr<Engine> engine = open_rocks_engine(folder.path(), options());
};

struct OnMemory {
    std::unique_ptr<Engine> engine = make_memory_engine();
};

struct OnFault {
    std::unique_ptr<Engine> engine = std::make_unique<FaultEngine>(make_memory_engine());
};

#define DIVAN_ENGINES OnRocks, OnIngestingRocks, OnMemory, OnFault

}  // namespace divan::storage
