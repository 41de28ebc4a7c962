// A space's identity rules, compiled: limits, windows, blocked values, priority, configured identifiers.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// A configured type and the keys to look for, with their camelCase and snake_case forms, each once.
struct configured_type {
    std::string type{};
    std::vector<std::string> keys{};
};

// Immutable, thread-safe.
class rules {
public:
    // "identity.bad_pattern" (never): says which pattern of which type, and why.
    static rt::outcome<std::shared_ptr<const rules>> compile(const core::identity_settings& settings);
    ~rules();
    rules(const rules&) = delete;
    rules& operator=(const rules&) = delete;

    // Greatest number of values on a profile; 0: unlimited.
    unsigned limit(std::string_view type) const noexcept;
    std::optional<std::int64_t> window_us(std::string_view type) const noexcept;
    // value: as sent. Where the type is folded, its folded form is looked at, too.
    bool blocked(std::string_view type, std::string_view value) const;
    // The smaller rank matters more; types of one rank are ordered by name, in bytes.
    unsigned rank(std::string_view type) const noexcept;
    bool before(std::string_view a, std::string_view b) const noexcept
    {
        const auto ra = rank(a);
        const auto rb = rank(b);
        return ra != rb ? ra < rb : a < b;
    }
    const std::vector<configured_type>& configured() const noexcept { return configured_; }
    std::size_t merges_max() const noexcept { return merges_max_; }
    std::size_t identifiers_max() const noexcept { return identifiers_max_; }
    std::int64_t dedupe_us() const noexcept { return dedupe_us_; }
    // Is the groupId of a group call an identifier of type group_id.
    bool group_id() const noexcept { return group_id_; }
    // Do identifiers of this type differ by more than the case of the letters A to Z.
    bool folds(std::string_view type) const noexcept { return fold_email_case_ && type == "email"; }
    // The value under which an identifier is known: folded where its type is.
    std::string known_as(std::string_view type, std::string_view value) const;
    // Which rule blocks it, in words for people: "the value \"-1\" is blocked for all types"; empty: none.
    std::string why_blocked(std::string_view type, std::string_view value) const;

private:
    struct blocker;
    struct type_rule;
    rules();

    std::map<std::string, type_rule, std::less<>> types_;
    std::unique_ptr<blocker> everywhere_;
    std::vector<configured_type> configured_{};
    bool has_order_ = false;
    std::size_t merges_max_ = 100;
    std::size_t identifiers_max_ = 1000;
    std::int64_t dedupe_us_ = 0;
    bool group_id_ = false;
    bool fold_email_case_ = false;
};

// For the configuration's validation.
rt::outcome<void> check_rules(const core::identity_settings& settings);

// Letters A to Z in lower case, everything else as it is.
std::string fold_case(std::string_view text);

// "customer_id" and "CustomerId" are "customerId".
std::string camel_case(std::string_view key);

}  // namespace lakeferry::identity
