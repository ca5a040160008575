#include "auth/audit_check.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace divan::auth {
namespace {

namespace fs = std::filesystem;

// No line of ours comes near this: a file that has one is none of an audit log.
constexpr std::size_t line_bytes_max = 1 << 20;

class Checker {
public:
    explicit Checker(std::string_view noted) : noted_(noted) {}

    void read(const fs::path& file, bool last);
    AuditCheck take() { return std::move(check_); }
    bool broken() const { return check_.broken.has_value(); }

private:
    void take_line(std::string_view line);
    void fail(std::string why) { check_.broken = AuditBreak{file_, line_, std::move(why)}; }

    std::string noted_;
    AuditCheck check_;
    fs::path file_;
    std::uint64_t line_ = 0;
};

void Checker::take_line(std::string_view line) {
    ++line_;
    const auto link = read_audit_link(line);
    if (!link) return fail("it is no line of an audit log");
    auto& head = check_.head;
    if (check_.lines == 0 && link->number > 1) {
        check_.first_number = link->number;
        head = {link->number - 1, link->previous};
        check_.noted_found = head.hash == noted_;
    } else if (check_.lines == 0) {
        check_.first_number = 1;
    }
    if (link->number != head.number + 1) {
        return fail(fmt::format("its number is {}, not {}", link->number, head.number + 1));
    }
    if (link->previous != head.hash) {
        return fail("the line before is not the one that it was written after");
    }
    head = {link->number, audit_hash(line)};
    ++check_.lines;
    if (head.hash == noted_) check_.noted_found = true;
}

void Checker::read(const fs::path& file, bool last) {
    file_ = file;
    line_ = 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "rbe"),
                                                             &std::fclose);
    const auto unreadable = [&] {
        return std::runtime_error(fmt::format("{}: {}", file.string(), std::strerror(errno)));
    };
    if (!in) throw unreadable();
    std::string text;
    std::array<char, 64 * 1024> block{};
    while (const auto count = std::fread(block.data(), 1, block.size(), in.get())) {
        text.append(block.data(), count);
        std::size_t begin = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
            take_line(std::string_view(text).substr(begin, end - begin));
            if (broken()) return;
            begin = end + 1;
        }
        text.erase(0, begin);
        if (text.size() > line_bytes_max) {
            ++line_;
            return fail("it is longer than any line of an audit log");
        }
    }
    if (std::ferror(in.get()) != 0) throw unreadable();
    if (text.empty()) return;
    if (last) {
        check_.unfinished = true;
    } else {
        ++line_;
        fail("the file ends within it");
    }
}

}  // namespace

AuditCheck check_audit(std::span<const fs::path> files, std::string_view noted) {
    Checker checker(noted);
    for (const auto& file : files) {
        checker.read(file, &file == &files.back());
        if (checker.broken()) break;
    }
    return checker.take();
}

}  // namespace divan::auth
