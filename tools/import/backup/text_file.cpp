#include "tools/import/backup/text_file.h"

#include <zlib.h>
#include <zstd.h>

#include <system_error>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t step = 256 * 1024;
constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr std::string_view zstd_magic = "\x28\xB5\x2F\xFD";

}  // namespace

class TextFile::Unpacker {
public:
    virtual ~Unpacker() = default;
    /// Appends what `bytes` unpack to.
    virtual void unpack(std::string_view bytes, std::string& out) = 0;
    /// Whether the packed data has come to an end of its own.
    virtual bool whole() const = 0;
};

class TextFile::Gzip final : public Unpacker {
public:
    Gzip() {
        if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
    }
    ~Gzip() override { inflateEnd(&stream_); }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    void unpack(std::string_view bytes, std::string& out) override {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        do {
            if (ended_) inflateReset(&stream_);  // another member follows
            const auto before = out.size();
            out.resize(before + step);
            stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
            stream_.avail_out = static_cast<uInt>(step);
            const int result = inflate(&stream_, Z_NO_FLUSH);
            full_ = stream_.avail_out == 0;
            out.resize(before + step - stream_.avail_out);
            ended_ = result == Z_STREAM_END;
            if (!ended_ && result != Z_OK && result != Z_BUF_ERROR) throw Damage("broken gzip");
        } while (stream_.avail_in > 0 || (full_ && !ended_));
    }
    bool whole() const override { return ended_; }

private:
    z_stream stream_{};
    bool ended_ = false;
    bool full_ = false;
};

class TextFile::Zstd final : public Unpacker {
public:
    void unpack(std::string_view bytes, std::string& out) override {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        bool full = false;
        do {
            const auto before = out.size();
            out.resize(before + step);
            ZSTD_outBuffer made{out.data() + before, step, 0};
            left_ = ZSTD_decompressStream(stream_.get(), &made, &in);
            out.resize(before + made.pos);
            full = made.pos == made.size;
            if (ZSTD_isError(left_)) throw Damage("broken zstd");
        } while (in.pos < in.size || full);
    }
    bool whole() const override { return left_ == 0; }

private:
    struct Free {
        void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
    };
    std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
    std::size_t left_ = 0;
};

TextFile::TextFile(const std::filesystem::path& path) : file_(std::fopen(path.c_str(), "rbe")) {
    if (!file_) throw std::system_error(errno, std::generic_category(), path.string());
    read_raw(first_);
    if (first_.starts_with(gzip_magic)) unpacker_ = std::make_unique<Gzip>();
    if (first_.starts_with(zstd_magic)) unpacker_ = std::make_unique<Zstd>();
}

TextFile::~TextFile() = default;

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
    std::string raw = std::move(first_);
    first_.clear();
    if (raw.empty() && !read_raw(raw)) {
        if (unpacker_ && !unpacker_->whole()) throw Damage("the packed file ends early");
        return false;
    }
    if (!unpacker_) {
        out = std::move(raw);
        return true;
    }
    out.clear();
    unpacker_->unpack(raw, out);
    return true;
}

}  // namespace divan::import
