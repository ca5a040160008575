#include "server/jsonp.h"

#include <algorithm>
#include <utility>

#include "server/routes.h"

namespace divan::server {
namespace {

constexpr std::string_view script_end = ");\n";

std::string_view callback_of(const Request& request) {
    const auto* name = request.parameter("callback");
    return name == nullptr ? std::string_view() : std::string_view(*name);
}

bool may_be_in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '[' || c == ']';
}

/// The script's end takes the place of the answer's last line feed.
void end_script(std::string& text) {
    if (text.ends_with('\n')) text.pop_back();
    text += script_end;
}

class ScriptSource final : public ChunkSource {
public:
    ScriptSource(std::string start, std::unique_ptr<ChunkSource> inner)
        : held_(std::move(start)), inner_(std::move(inner)) {}

    Task<bool> next(std::string& out) override {
        if (ended_) co_return false;
        std::string piece;
        ended_ = !co_await inner_->next(piece);
        out = std::exchange(held_, {});
        if (ended_) {
            end_script(out);
            co_return true;
        }
        out += piece;
        if (out.ends_with('\n')) {
            held_ = "\n";
            out.pop_back();
        }
        co_return true;
    }

private:
    std::string held_;  ///< Not sent yet: the start, or a line feed that may be the last.
    std::unique_ptr<ChunkSource> inner_;
    bool ended_ = false;
};

/// Attachments and what functions of design documents answer are theirs, whatever their type.
bool is_own_json(const Route* route) {
    if (route == nullptr) return true;
    static constexpr std::string_view others[] = {"{attachment...}", "/_show", "/_list",
                                                  "/_update", "/_rewrite"};
    return std::none_of(std::begin(others), std::end(others), [&](std::string_view part) {
        return route->pattern.find(part) != std::string_view::npos;
    });
}

}  // namespace

Result<void> check_callback(const Request& request) {
    const auto name = callback_of(request);
    if (std::all_of(name.begin(), name.end(), may_be_in_name)) return {};
    return Error{Code::bad_request, "invalid_callback", {}};
}

void wrap_in_callback(const Request& request, const Route* route, Response& response) {
    const auto name = callback_of(request);
    if (name.empty() || check_callback(request).has_error()) return;
    if (!response.refused && !is_own_json(route)) return;
    const auto* type = response.header("Content-Type");
    if (type == nullptr || *type != "application/json") return;
    response.set("Content-Type", "application/javascript");
    std::string start = "/* CouchDB */";
    start.append(name).push_back('(');
    if (response.length) *response.length += start.size() + script_end.size() - 1;
    if (response.source) {
        response.source =
            std::make_unique<ScriptSource>(std::move(start), std::move(response.source));
    } else {
        response.body.insert(0, start);
        end_script(response.body);
    }
}

}  // namespace divan::server
