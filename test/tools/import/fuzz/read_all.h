#pragma once

#include <cstdint>
#include <filesystem>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/database_file.h"

namespace divan::import {

struct ReadAll {
    std::uint64_t documents = 0, bodies = 0, attachments = 0, others = 0, damaged = 0;
    bool refused = false;  ///< No header.
};

/// Reads whatever an import reads of a file. Throws nothing that an import does not expect.
inline ReadAll read_all(const std::filesystem::path& path) {
    ReadAll all;
    const auto damaged = [&](const std::string&) { ++all.damaged; };
    const auto guarded = [&](const auto& work) {
        try {
            work();
        } catch (const Damage&) {
            ++all.damaged;
        }
    };
    try {
        const DatabaseFile file(path);
        BlockFile::Window window;
        guarded([&] { file.security(); });
        guarded([&] { file.partitioned(); });
        file.documents(
            [&](const FileDocument& document) {
                ++all.documents;
                for (const auto& leaf : document.leaves) {
                    guarded([&] {
                        const auto body = file.body(leaf.body, window);
                        ++all.bodies;
                        for (const auto& one : body.attachments) {
                            guarded([&] {
                                file.attachment(one, [](std::string_view) {});
                                ++all.attachments;
                            });
                        }
                    });
                }
            },
            damaged);
        file.locals([&](const FileLocal&) { ++all.others; }, damaged);
        file.purges([&](const FilePurge&) { ++all.others; }, damaged);
    } catch (const Damage&) {
        all.refused = true;
    }
    return all;
}

}  // namespace divan::import
