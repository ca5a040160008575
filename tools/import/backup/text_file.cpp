#include "tools/import/backup/text_file.h"

#include <system_error>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t step = 256 * 1024;
constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr std::string_view zstd_magic = "\x28\xB5\x2F\xFD";

}  // namespace

TextFile::TextFile(const std::filesystem::path& path) : file_(std::fopen(path.c_str(), "rbe")) {
    if (!file_) throw std::system_error(errno, std::generic_category(), path.string());
    read_raw(raw_);
    const bool zstd = raw_.starts_with(zstd_magic);
    if (zstd || raw_.starts_with(gzip_magic)) {
        unpacker_.emplace(zstd ? Unpacker::Format::zstd : Unpacker::Format::gzip);
    }
}

bool TextFile::read_raw(std::string& out) {
    out.resize(step);
    const auto got = std::fread(out.data(), 1, step, file_.get());
    if (got == 0 && std::ferror(file_.get()) != 0) {
        throw std::system_error(errno, std::generic_category(), "cannot read the backup");
    }
    out.resize(got);
    return got > 0;
}

bool TextFile::read(std::string& out) {
    if (!unpacker_) {
        out = std::move(raw_);
        raw_.clear();
        return !out.empty() || read_raw(out);
    }
    out.clear();
    while (true) {
        used_ += unpacker_->read(std::string_view(raw_).substr(used_), out, step);
        if (!out.empty()) return true;
        if (used_ < raw_.size()) continue;
        used_ = 0;
        if (read_raw(raw_)) continue;
        if (!unpacker_->finished()) throw Damage("the packed file ends early");
        return false;
    }
}

}  // namespace divan::import
