#include "sync/identity/rules.hpp"

#include "sync/core/names.hpp"
#include "sync/core/timestamps.hpp"

#include <boost/regex.hpp>

#include <algorithm>
#include <bitset>

namespace lakeferry::identity {

namespace {

constexpr unsigned unlisted_rank = 1'000'000;

// A pattern that is searched in a value. Boost.Regex does not recurse, so a long value cannot exhaust the stack; it
// gives up on what takes too long; only the beginning of a very long value is searched, so that a careless pattern
// cannot be used to keep us busy. The commonest form, ^[abc]*$, needs no engine.
class pattern {
public:
    explicit pattern(const std::string& text) : text_(text)
    {
        if (simple(text)) return;
        engine_ = boost::regex(text, boost::regex::perl);
    }

    const std::string& text() const noexcept { return text_; }

    bool found_in(std::string_view value) const
    {
        if (is_set_) {
            return std::all_of(value.begin(), value.end(),
                               [&](char c) { return set_.test(static_cast<unsigned char>(c)); });
        }
        value = value.substr(0, searched_bytes_max);
        try {
            return boost::regex_search(value.begin(), value.end(), engine_,
                                       boost::regex_constants::match_single_line | boost::regex_constants::match_any);
        } catch (const std::exception&) {
            return false;  // too complex for this value: it identifies, as without the pattern
        }
    }

private:
    bool simple(std::string_view text)
    {
        if (!text.starts_with("^[") || !text.ends_with("]*$") || text.size() < 6) return false;
        const auto chars = text.substr(2, text.size() - 5);
        if (chars.find_first_of("\\[]^") != std::string_view::npos) return false;
        const auto dash = chars.find('-');
        if (dash != std::string_view::npos && dash != 0 && dash + 1 != chars.size()) return false;
        for (const char c : chars) set_.set(static_cast<unsigned char>(c));
        is_set_ = true;
        return true;
    }

    static constexpr std::size_t searched_bytes_max = 1024;

    std::string text_;
    bool is_set_ = false;
    std::bitset<256> set_{};
    boost::regex engine_{};
};

std::string snake_or_empty(const std::string& key) { return core::snake_case(key); }

std::vector<std::string> forms(const std::vector<std::string>& keys)
{
    std::vector<std::string> all;
    for (const auto& key : keys) {
        for (auto form : {key, camel_case(key), snake_or_empty(key)}) {
            if (!form.empty() && std::find(all.begin(), all.end(), form) == all.end()) all.push_back(std::move(form));
        }
    }
    return all;
}

}  // namespace

struct rules::blocker {
    std::vector<std::string> exact{};
    std::vector<pattern> patterns{};

    bool blocks(std::string_view value) const
    {
        return std::find(exact.begin(), exact.end(), value) != exact.end() ||
               std::any_of(patterns.begin(), patterns.end(), [&](const pattern& p) { return p.found_in(value); });
    }
    // The same where case does not matter: exact values are compared without it, patterns are searched in both forms.
    bool blocks_folded(std::string_view value, std::string_view folded) const
    {
        return std::any_of(exact.begin(), exact.end(), [&](const auto& e) { return fold_case(e) == folded; }) ||
               std::any_of(patterns.begin(), patterns.end(),
                           [&](const pattern& p) { return p.found_in(value) || p.found_in(folded); });
    }
    // The first of its entries that blocks, in words; empty: none. folded: nullptr where case matters.
    std::string why(std::string_view value, const std::string* folded) const
    {
        for (const auto& e : exact)
            if (e == value || (folded != nullptr && fold_case(e) == *folded)) return "the value \"" + e + "\"";
        for (const auto& p : patterns)
            if (p.found_in(value) || (folded != nullptr && p.found_in(*folded))) return "the pattern \"" + p.text() + "\"";
        return {};
    }

    static rt::outcome<blocker> make(const std::vector<std::string>& exact, const std::vector<std::string>& patterns,
                                     const std::string& where)
    {
        blocker made{.exact = exact};
        for (const auto& text : patterns) {
            try {
                made.patterns.emplace_back(text);
            } catch (const std::exception& e) {
                return rt::failure{.retry = rt::retry_class::never,
                                   .id = "identity.bad_pattern",
                                   .detail = "blocked_patterns of " + where + ": \"" + text +
                                             "\" is not a regular expression: " + e.what()};
            }
        }
        return made;
    }
};

struct rules::type_rule {
    unsigned rank = unlisted_rank;
    std::optional<unsigned> limit{};
    std::optional<std::int64_t> window_us{};
    blocker own{};
};

rules::rules() = default;
rules::~rules() = default;

rt::outcome<std::shared_ptr<const rules>> rules::compile(const core::identity_settings& settings)
{
    std::shared_ptr<rules> made(new rules());
    auto everywhere = blocker::make(settings.blocked, settings.blocked_patterns, "[identity]");
    if (everywhere.has_error()) return everywhere.error();
    made->everywhere_ = std::make_unique<blocker>(std::move(*everywhere));
    unsigned rank = 0;
    for (const auto& rule : settings.identifiers) {
        auto own = blocker::make(rule.blocked, rule.blocked_patterns, "identifier " + rule.type);
        if (own.has_error()) return own.error();
        type_rule compiled{.rank = rank++, .limit = rule.limit, .own = std::move(*own)};
        if (rule.window_days) compiled.window_us = static_cast<std::int64_t>(*rule.window_days) * core::day_us;
        made->types_.insert_or_assign(rule.type, std::move(compiled));
        if (!rule.keys.empty()) made->configured_.push_back({rule.type, forms(rule.keys)});
    }
    made->has_order_ = !settings.identifiers.empty();
    made->merges_max_ = settings.merges_max;
    made->identifiers_max_ = settings.identifiers_max;
    made->dedupe_us_ = static_cast<std::int64_t>(settings.dedupe_days) * core::day_us;
    made->group_id_ = settings.group_id;
    made->fold_email_case_ = settings.fold_email_case;
    return std::shared_ptr<const rules>(std::move(made));
}

unsigned rules::limit(std::string_view type) const noexcept
{
    if (const auto found = types_.find(type); found != types_.end() && found->second.limit) return *found->second.limit;
    return type == "user_id" ? 1 : 5;
}

std::optional<std::int64_t> rules::window_us(std::string_view type) const noexcept
{
    const auto found = types_.find(type);
    return found != types_.end() ? found->second.window_us : std::nullopt;
}

bool rules::blocked(std::string_view type, std::string_view value) const
{
    const auto found = types_.find(type);
    if (folds(type)) {
        const std::string folded = fold_case(value);
        return everywhere_->blocks_folded(value, folded) ||
               (found != types_.end() && found->second.own.blocks_folded(value, folded));
    }
    return everywhere_->blocks(value) || (found != types_.end() && found->second.own.blocks(value));
}

std::string rules::known_as(std::string_view type, std::string_view value) const
{
    return folds(type) ? fold_case(value) : std::string(value);
}

std::string rules::why_blocked(std::string_view type, std::string_view value) const
{
    const std::string folded = fold_case(value);
    const std::string* const form = folds(type) ? &folded : nullptr;
    if (const auto why = everywhere_->why(value, form); !why.empty()) return why + " is blocked for all types";
    const auto found = types_.find(type);
    if (found == types_.end()) return {};
    const auto why = found->second.own.why(value, form);
    return why.empty() ? why : why + " is blocked for " + std::string(type);
}

unsigned rules::rank(std::string_view type) const noexcept
{
    if (!has_order_) return type == "user_id" ? 0 : type == "email" ? 1 : unlisted_rank;
    const auto found = types_.find(type);
    return found != types_.end() ? found->second.rank : unlisted_rank;
}

rt::outcome<void> check_rules(const core::identity_settings& settings)
{
    const auto compiled = rules::compile(settings);
    if (compiled.has_error()) return compiled.error();
    return rt::outcome<void>();
}

std::string fold_case(std::string_view text)
{
    std::string folded(text);
    for (char& c : folded)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return folded;
}

std::string camel_case(std::string_view key)
{
    std::string camel;
    bool up = false;
    for (const char c : core::snake_case(key)) {
        if (c == '_') {
            up = true;
            continue;
        }
        camel += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        up = false;
    }
    return camel;
}

}  // namespace lakeferry::identity
