#include "storage/query/view/script_functions.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "storage/base/json_normaliser.h"
#include "storage/query/json_text.h"

namespace divan::storage {
namespace {

constexpr std::string_view overflow_start = R"({"reduce_overflow_error":)";

bool is_hex(std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(),
                       [](unsigned char c) { return std::isxdigit(c) != 0; });
}

/// Of `\ud83d` and the like at `at`: 'h' for the first (high) half of a pair, 'l', or 0.
char surrogate_at(std::string_view text, std::size_t at) {
    constexpr std::size_t escape_bytes = 6;
    if (text.substr(at, 2) != "\\u" || at + escape_bytes > text.size()) return 0;
    const auto digits = text.substr(at + 2, 4);
    if (!is_hex(digits) || (digits[0] != 'd' && digits[0] != 'D')) return 0;
    constexpr std::string_view first_half = "89abAB";
    constexpr std::string_view second_half = "cdefCDEF";
    if (first_half.find(digits[1]) != std::string_view::npos) return 'h';
    return second_half.find(digits[1]) != std::string_view::npos ? 'l' : '\0';
}

/// JavaScript's strings can have halves of characters, which no UTF-8 has; CouchDB writes U+FFFD
/// for them (couch_query_servers:force_utf8/1).
std::string without_lone_surrogates(std::string_view text) {
    constexpr std::size_t escape_bytes = 6;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] != '\\') {
            out.push_back(text[at++]);
            continue;
        }
        const char half = surrogate_at(text, at);
        if (half == 0) {
            out += text.substr(at, 2);
            at += 2;
        } else if (half == 'h' && surrogate_at(text, at + escape_bytes) == 'l') {
            out += text.substr(at, 2 * escape_bytes);
            at += 2 * escape_bytes;
        } else {
            out += "\\ufffd";
            at += escape_bytes;
        }
    }
    return out;
}

/// Most keys and values are what CouchDB would print already.
bool is_plain(BytesView json) {
    constexpr std::size_t safe_digits = 15;
    if (json == "null" || json == "true" || json == "false") return true;
    if (json.starts_with('"')) {
        return std::all_of(json.begin(), json.end(), [](char c) {
            return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F &&
                   c != '\\';
        });
    }
    return json.size() <= safe_digits &&
           std::all_of(json.begin(), json.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// What JSON.stringify wrote as CouchDB prints it. A view into `json` or `scratch`.
BytesView normalised(BytesView json, std::string& scratch) {
    if (is_plain(json)) return json;
    auto& normaliser = JsonNormaliser::of_this_thread();
    const auto read = [&](BytesView text) {
        return normaliser.load(text) && normaliser.value() && normaliser.at_end();
    };
    std::string repaired;
    if (!read(json)) {
        repaired = without_lone_surrogates(json);
        if (!read(repaired)) {
            throw Refused(Code::internal_error, "a function's answer cannot be read as JSON");
        }
    }
    scratch.clear();
    normaliser.append_live_text(scratch);
    normaliser.unload();
    return scratch;
}

class ScriptMapper final : public Mapper {
public:
    ScriptMapper(std::shared_ptr<js::Functions> functions, std::vector<std::string> sources)
        : functions_(std::move(functions)), sources_(std::move(sources)) {}

    MappedRows map(std::span<const MapDocument> documents) override {
        std::vector<BytesView> texts;
        texts.reserve(documents.size());
        for (const auto& document : documents) texts.push_back(document.json);
        auto mapped = functions_->map(sources_, texts);
        if (!mapped) throw Refused(mapped.error());
        return [all = std::make_shared<const js::Mapped>(std::move(mapped).value())](
                   RowSink& rows) { emit_all(*all, rows); };
    }

private:
    static void emit_all(const js::Mapped& mapped, RowSink& rows) {
        std::string key;
        std::string value;
        for (std::size_t i = 0; i < mapped.documents(); ++i) {
            for (std::size_t tree = 0; tree < mapped.functions(); ++tree) {
                for (const auto& row : mapped.rows(i, tree)) {
                    rows.emit(i, tree, normalised(row.key, key), normalised(row.value, value));
                }
            }
        }
    }

    const std::shared_ptr<js::Functions> functions_;  // Shared with the reducers.
    const std::vector<std::string> sources_;
};

class ScriptReducer final : public ViewReducer {
public:
    ScriptReducer(std::shared_ptr<js::Functions> functions, std::string source)
        : functions_(std::move(functions)), source_(std::move(source)) {}

    Bytes reduce(std::span<const IndexRow> rows) const override {
        std::vector<Bytes> ids;
        ids.reserve(rows.size());
        std::vector<js::ReduceRow> given;
        given.reserve(rows.size());
        for (const auto& row : rows) {
            given.push_back({ids.emplace_back(row.id()), row.key, row.value});
        }
        return text(functions_->reduce({&source_, 1}, given).value().at(0));
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        for (const auto reduction : reductions) {
            if (reduction.starts_with(overflow_start)) return Bytes(reduction);
        }
        return text(functions_->rereduce(source_, reductions).value());
    }
    /// CouchDB's coordinator reduces once more what its one shard has reduced.
    Bytes finish(BytesView reduction) const override { return rereduce({&reduction, 1}); }
    bool ordered() const override { return false; }

private:
    static Bytes text(BytesView json) {
        std::string scratch;
        return Bytes(normalised(json, scratch));
    }

    const std::shared_ptr<js::Functions> functions_;
    const std::string source_;
};

}  // namespace

std::shared_ptr<Mapper> make_script_mapper(std::shared_ptr<js::Functions> functions,
                                           std::vector<std::string> sources) {
    return std::make_shared<ScriptMapper>(std::move(functions), std::move(sources));
}

std::shared_ptr<const ViewReducer> make_script_reducer(std::shared_ptr<js::Functions> functions,
                                                       std::string source) {
    return std::make_shared<ScriptReducer>(std::move(functions), std::move(source));
}

std::string reduce_overflow(BytesView reduction) {
    if (!reduction.starts_with(overflow_start)) return {};
    const auto reason = JsonText(reduction).member("reduce_overflow_error");
    std::string scratch;
    if (!reason || reason->kind() != JsonText::Kind::string) return {};
    return std::string(reason->string(scratch));
}

}  // namespace divan::storage
