#pragma once

#include <span>
#include <string_view>

namespace divan::server {

/// A file of the pages at `/_account`. The build puts the files of server/account into the program.
struct AccountFile {
    std::string_view name;
    std::string_view content_type;
    std::string_view etag;  ///< Quotes included.
    std::string_view bytes;
};

std::span<const AccountFile> account_files();

}  // namespace divan::server
