#include "storage/query/view/sum_value.h"

#include <algorithm>
#include <charconv>

#include "storage/base/json.h"

namespace divan::storage {
namespace {

constexpr std::string_view sum_reason =
    "The _sum function requires that map values be numbers, arrays of numbers, or objects. Objects "
    "cannot be mixed with other data structures. Objects can be arbitrarily nested, provided that "
    "the values for all fields are themselves numbers, arrays of numbers, or objects.";

/// What this function answered to an earlier part of the same rows.
bool is_error(const JsonText& value) {
    const auto error = value.member("error");
    std::string scratch;
    return error && error->kind() == JsonText::Kind::string &&
           error->string(scratch) == "builtin_reduce_error";
}

}  // namespace

SumValue::SumValue(const JsonText& value) {
    switch (value.kind()) {
        case JsonText::Kind::number:
            number_ = ExactNumber::parse(value.number());
            return;
        case JsonText::Kind::array: {
            form_ = Form::array;
            JsonItems items(value);
            while (const auto item = items.next()) items_.emplace_back(*item);
            return;
        }
        case JsonText::Kind::object: {
            form_ = Form::object;
            JsonMembers members(value);
            std::string scratch;
            while (members.next()) {
                members_.emplace_back(std::string(members.key().string(scratch)),
                                      SumValue(members.value()));
            }
            return;
        }
        default:
            form_ = Form::other;
            other_ = value.raw();
    }
}

bool SumValue::is_zero() const {
    return form_ == Form::number && text() == "0";
}

std::optional<std::string> SumValue::add(const SumValue& value) {
    if (value.form_ == Form::object) {
        if (is_zero()) {
            *this = value;
            return std::nullopt;
        }
        return form_ == Form::object ? add_members(value) : value.text();
    }
    const bool can_take = form_ == Form::number || form_ == Form::array;
    if (!can_take || value.form_ == Form::other) return value.text();
    if (form_ == Form::number && value.form_ == Form::number) {
        number_ = number_ + value.number_;
        return std::nullopt;
    }
    if (form_ == Form::number) {
        SumValue array;
        array.form_ = Form::array;
        array.items_.push_back(*this);
        *this = std::move(array);
    }
    return value.form_ == Form::array ? add_items(value.items_) : add_items({value});
}

// Beyond the end of the shorter one nothing is looked at.
std::optional<std::string> SumValue::add_items(const std::vector<SumValue>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i >= items_.size()) {
            items_.push_back(items[i]);
            continue;
        }
        if (items_[i].form_ != Form::number || items[i].form_ != Form::number) return text();
        items_[i].number_ = items_[i].number_ + items[i].number_;
    }
    return std::nullopt;
}

std::optional<std::string> SumValue::add_members(const SumValue& object) {
    const auto by_name = [](const Member& a, const Member& b) { return a.first < b.first; };
    auto added = object.members_;
    std::sort(added.begin(), added.end(), by_name);
    std::sort(members_.begin(), members_.end(), by_name);
    std::vector<Member> merged;
    auto mine = members_.begin();
    for (auto& member : added) {
        for (; mine != members_.end() && mine->first < member.first; ++mine) {
            merged.push_back(std::move(*mine));
        }
        if (mine != members_.end() && mine->first == member.first) {
            if (auto cause = mine->second.add(member.second)) return cause;
            merged.push_back(std::move(*mine++));
        } else {
            merged.push_back(std::move(member));
        }
    }
    std::move(mine, members_.end(), std::back_inserter(merged));
    members_ = std::move(merged);
    return std::nullopt;
}

void SumValue::append_to(std::string& out) const {
    const char* comma = "";
    switch (form_) {
        case Form::number:
            number_.append_to(out);
            return;
        case Form::other:
            out += other_;
            return;
        case Form::array:
            out.push_back('[');
            for (const auto& item : items_) {
                out += comma;
                item.append_to(out);
                comma = ",";
            }
            out.push_back(']');
            return;
        case Form::object:
            out.push_back('{');
            for (const auto& [name, value] : members_) {
                out += comma;
                append_json_string(out, name);
                out.push_back(':');
                value.append_to(out);
                comma = ",";
            }
            out.push_back('}');
            return;
    }
}

std::string SumValue::text() const {
    std::string out;
    append_to(out);
    return out;
}

bool Sum::add_plain(BytesView value) {
    std::int64_t integer = 0;
    const char* const end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, integer);
    return read.ec == std::errc() && read.ptr == end &&
           !__builtin_add_overflow(plain_, integer, &plain_);
}

void Sum::add(BytesView value) {
    if (!error_.empty()) return;
    if (only_plain_) {
        const auto before = plain_;
        if (add_plain(value)) return;
        value_ = SumValue(before);
        only_plain_ = false;
    }
    const JsonText json(value);
    if (json.kind() == JsonText::Kind::object && is_error(json)) {
        error_ = value;
        return;
    }
    if (const auto cause = value_.add(SumValue(json))) error_ = error(sum_reason, *cause);
}

std::string Sum::result() const {
    if (!error_.empty()) return error_;
    if (only_plain_) return std::to_string(plain_);
    std::string out;
    value_.append_to(out);
    return out;
}

std::string Sum::error(std::string_view reason, std::string_view cause) {
    std::string out = R"({"error":"builtin_reduce_error","reason":)";
    append_json_string(out, reason);
    if (!cause.empty()) out.append(",\"caused_by\":").append(cause);
    return out + "}";
}

}  // namespace divan::storage
