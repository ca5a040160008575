#include "server/handlers/sign_in/password_rules.h"

#include <optional>
#include <string>
#include <vector>

#include "storage/base/log.h"
#include "storage/query/mango/regex.h"

namespace divan::server {
namespace {

using storage::mango::Regex;

struct Rule {
    std::string expression;
    std::string told;  ///< Empty: nothing beyond that it does not conform.
};

/// Reads the little of Erlang's terms that the setting is made of.
class TermReader {
public:
    explicit TermReader(std::string_view text) : rest_(text) {}

    /// Empty where it is no list of rules.
    std::optional<std::vector<Rule>> rules() {
        std::vector<Rule> rules;
        if (!take('[')) return std::nullopt;
        if (take(']')) return at_end(std::move(rules));
        do {
            auto rule = read_rule();
            if (!rule) return std::nullopt;
            rules.push_back(*std::move(rule));
        } while (take(','));
        if (!take(']')) return std::nullopt;
        return at_end(std::move(rules));
    }

private:
    std::optional<std::vector<Rule>> at_end(std::vector<Rule> rules) {
        take('.');
        skip_space();
        return rest_.empty() ? std::optional(std::move(rules)) : std::nullopt;
    }

    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
            rest_.remove_prefix(1);
        }
    }

    bool take(char c) {
        skip_space();
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    std::optional<Rule> read_rule() {
        if (!take('{')) {
            auto expression = read_string();
            if (!expression) return std::nullopt;
            return Rule{*std::move(expression), {}};
        }
        auto expression = read_string();
        if (!expression) return std::nullopt;
        auto told = take(',') ? read_string() : std::optional(std::string());
        if (!told || !take('}')) return std::nullopt;
        return Rule{*std::move(expression), *std::move(told)};
    }

    static char unescaped(char c) {
        switch (c) {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 's': return ' ';
            default: return c;
        }
    }

    std::optional<std::string> read_string() {
        if (!take('"')) return std::nullopt;
        std::string text;
        while (!rest_.empty() && rest_.front() != '"') {
            const bool escaped = rest_.front() == '\\';
            if (escaped) rest_.remove_prefix(1);
            if (rest_.empty()) return std::nullopt;
            text.push_back(escaped ? unescaped(rest_.front()) : rest_.front());
            rest_.remove_prefix(1);
        }
        if (!take('"')) return std::nullopt;
        return text;
    }

    std::string_view rest_;
};

Error unusable(std::string_view setting) {
    log(LogLevel::error, "[chttpd_auth] password_regexp is no list of regular expressions: " +
                             std::string(setting));
    return {Code::forbidden, "Server cannot hash passwords at this time.", {}};
}

}  // namespace

Result<void> check_password_rules(std::string_view password, const ReadSetting& setting) {
    const auto value = read_auth_setting(setting, "password_regexp");
    if (!value || value->empty()) return {};
    const auto rules = TermReader(*value).rules();
    if (!rules) return unusable(*value);
    for (const auto& rule : *rules) {
        const auto expression = Regex::compile(rule.expression);
        if (!expression) return unusable(*value);
        if (expression->matches(password)) continue;
        std::string reason = "Password does not conform to requirements.";
        if (!rule.told.empty()) reason += " " + rule.told;
        return Error{Code::bad_request, std::move(reason), {}};
    }
    return {};
}

}  // namespace divan::server
