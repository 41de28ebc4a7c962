#include "daemon/config/reader.hpp"

#include "daemon/config/units.hpp"
#include "net/rt/check.hpp"

#include <algorithm>

namespace lakeferry::daemon {

namespace {

using kind = toml_value::kind;

// Tables that the design has and this version does not serve: a clearer word than "unknown".
bool belongs_to_reverse_etl(const std::string& name)
{
    return name == "reverse_etl" || name == "models" || name == "destinations" || name == "syncs";
}

std::string listed(const std::vector<std::string>& names)
{
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i != 0) text += i + 1 == names.size() ? " or " : ", ";
        text += names[i];
    }
    return text;
}

}  // namespace

reader::reader(const document& in, const toml_value* table, std::string path)
    : in_(in), table_(table), path_(std::move(path)), shown_(path_)
{
    if (table_ != nullptr && table_->is != kind::table) {
        in_.found->push_back({.file = in_.file,
                              .line = table_->line,
                              .key = shown_,
                              .what = "is " + std::string(to_string(table_->is)) + " instead of a table",
                              .cure = "write [" + shown_ + "] on a line of its own"});
        table_ = nullptr;
    }
    if (table_ != nullptr) report_unknown();
}

void reader::report_unknown() const
{
    const auto known = names_below(in_.kind, path_);
    for (const auto& [name, value] : table_->members) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        problem p{.file = in_.file, .line = value.line, .key = shown_.empty() ? name : shown_ + "." + name};
        const std::string near = nearest_name(name, known);
        if (!near.empty()) {
            p.what = "is not a known key";
            p.cure = "did you mean \"" + near + "\"?";
        } else if (path_.empty() && in_.kind == config_file::space && belongs_to_reverse_etl(name)) {
            p.what = "is part of Reverse ETL, which this version does not run";
            p.cure = "take it out";
        } else {
            p.what = "is not a known key";
            p.cure = "known here: " + listed(known);
        }
        in_.found->push_back(std::move(p));
    }
}

const toml_value* reader::raw(const std::string& key) const
{
    const auto known = names_below(in_.kind, path_);
    rt::check(std::find(known.begin(), known.end(), key) != known.end(), "the parser reads listed keys only");
    return table_ == nullptr ? nullptr : table_->find(key);
}

unsigned reader::line_of(const std::string& key) const noexcept
{
    if (table_ == nullptr) return 0;
    const auto* value = table_->find(key);
    return value == nullptr ? table_->line : value->line;
}

void reader::complain(const std::string& key, std::string what, std::string cure) const
{
    in_.found->push_back({.file = in_.file,
                          .line = line_of(key),
                          .key = shown_.empty() ? key : shown_ + "." + key,
                          .what = std::move(what),
                          .cure = std::move(cure)});
}

void reader::wrong_type(const std::string& key, const toml_value& value, const std::string& wanted) const
{
    complain(key, "is " + std::string(to_string(value.is)) + " instead of " + wanted, "write " + wanted);
}

bool reader::require(const std::string& key, const std::string& cure) const
{
    if (has(key)) return true;
    complain(key, "is missing", cure);
    return false;
}

void reader::text(const std::string& key, std::string& to) const
{
    const auto* value = raw(key);
    if (value == nullptr) return;
    if (value->is != kind::text) return wrong_type(key, *value, "a text in quotes");
    if (value->text.find('\0') != std::string::npos) return complain(key, "holds a zero byte", "take it out");
    to = value->text;
}

void reader::flag(const std::string& key, bool& to) const
{
    const auto* value = raw(key);
    if (value == nullptr) return;
    if (value->is != kind::boolean) return wrong_type(key, *value, "true or false, without quotes");
    to = value->boolean;
}

std::optional<std::int64_t> reader::whole(const std::string& key, std::int64_t low, std::int64_t high) const
{
    const auto* value = raw(key);
    if (value == nullptr) return std::nullopt;
    const std::string range = std::to_string(low) + " to " + std::to_string(high);
    if (value->is != kind::integer) {
        wrong_type(key, *value, "an integer without quotes, " + range);
        return std::nullopt;
    }
    if (value->integer < low || value->integer > high) {
        complain(key, std::to_string(value->integer) + " is out of range", "write " + range);
        return std::nullopt;
    }
    return value->integer;
}

std::optional<std::chrono::seconds> reader::duration(const std::string& key) const
{
    const auto* value = raw(key);
    if (value == nullptr) return std::nullopt;
    const auto parsed = value->is == kind::text ? parse_duration(value->text) : std::nullopt;
    if (parsed) return parsed;
    if (value->is == kind::text)
        complain(key, "\"" + value->text + "\" is not a duration", "write one like \"15m\" or \"1h30m\"");
    else
        wrong_type(key, *value, "a duration in quotes, like \"15m\" or \"1h30m\"");
    return std::nullopt;
}

std::optional<std::uint64_t> reader::bytes(const std::string& key, std::uint64_t low, std::uint64_t high) const
{
    const auto* value = raw(key);
    if (value == nullptr) return std::nullopt;
    std::optional<std::uint64_t> parsed;
    if (value->is == kind::text) parsed = parse_size(value->text);
    if (value->is == kind::integer && value->integer >= 0) parsed = static_cast<std::uint64_t>(value->integer);
    if (!parsed) {
        complain(key, "is not a size", "write one like \"32MiB\", or a number of bytes");
        return std::nullopt;
    }
    if (*parsed < low || *parsed > high) {
        complain(key, format_size(*parsed) + " is out of range",
                 "write " + format_size(low) + " to " + format_size(high));
        return std::nullopt;
    }
    return parsed;
}

void reader::texts(const std::string& key, std::vector<std::string>& to) const
{
    const auto* value = raw(key);
    if (value == nullptr) return;
    const std::string wanted = "an array of texts, like [\"a\", \"b\"]";
    if (value->is != kind::array) return wrong_type(key, *value, wanted);
    std::vector<std::string> all;
    for (const auto& item : value->items) {
        if (item.is != kind::text) return complain(key, "holds " + std::string(to_string(item.is)), "write " + wanted);
        all.push_back(item.text);
    }
    to = std::move(all);
}

void reader::secret(const std::string& key, core::secret_ref& to) const
{
    const auto* value = raw(key);
    if (value == nullptr) return;
    const std::string cure = "write { credential = \"name\" } or { file = \"/path\" }";
    // The text itself is never shown: it may be the secret.
    if (value->is == kind::text) return complain(key, "holds a secret in the open", cure + " and change the secret");
    if (value->is != kind::table) return wrong_type(key, *value, "a reference to a secret");
    const auto* credential = value->find("credential");
    const auto* file = value->find("file");
    for (const auto& [name, member] : value->members) {
        if (name == "credential" || name == "file") continue;
        const std::string near = nearest_name(name, {"credential", "file"});
        return complain(key, "\"" + name + "\" says nothing about a secret's place",
                        near.empty() ? cure : "did you mean \"" + near + "\"? " + cure);
    }
    if ((credential == nullptr) == (file == nullptr)) return complain(key, "needs exactly one place", cure);
    const auto* place = credential != nullptr ? credential : file;
    if (place->is != kind::text || place->text.empty()) return complain(key, "names no place", cure);
    if (credential != nullptr && (place->text.find('/') != std::string::npos || place->text.starts_with('.')))
        return complain(key, "a credential's name is not a path", "write its name, or { file = \"/path\" }");
    to.from = credential != nullptr ? core::secret_ref::kind::credential : core::secret_ref::kind::file;
    to.name = place->text;
}

std::optional<std::size_t> reader::choice(const std::string& key, const std::vector<std::string>& names) const
{
    std::string written;
    const std::size_t before = in_.found->size();
    text(key, written);
    if (!has(key) || in_.found->size() != before) return std::nullopt;
    const auto it = std::find(names.begin(), names.end(), written);
    if (it != names.end()) return static_cast<std::size_t>(it - names.begin());
    const std::string near = nearest_name(written, names);
    complain(key, "\"" + written + "\" is not one of " + listed(names),
             near.empty() ? "write one of them" : "did you mean \"" + near + "\"?");
    return std::nullopt;
}

const toml_value* reader::table(const std::string& key) const { return raw(key); }

std::vector<const toml_value*> reader::tables(const std::string& key) const
{
    std::vector<const toml_value*> all;
    const auto* value = raw(key);
    if (value == nullptr) return all;
    const std::string shown = shown_.empty() ? key : shown_ + "." + key;
    const auto wrong = [&] {
        complain(key, "is not a list of tables", "write [[" + shown + "]] before each of them");
        return std::vector<const toml_value*>{};
    };
    if (value->is != kind::array) return wrong();
    for (const auto& item : value->items) {
        if (item.is != kind::table) return wrong();
        all.push_back(&item);
    }
    return all;
}

}  // namespace lakeferry::daemon
