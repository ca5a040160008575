#include "test/support/temp_folder.h"

#include <stdlib.h>

#include <stdexcept>
#include <string>

namespace divan::test {

TempFolder::TempFolder() {
    std::string text = (std::filesystem::temp_directory_path() / "divan-test-XXXXXX").string();
    if (::mkdtemp(text.data()) == nullptr) throw std::runtime_error("cannot make a folder");
    path_ = text;
}

TempFolder::~TempFolder() {
    std::error_code ignored;  // a test that failed may hold files in it
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace divan::test
