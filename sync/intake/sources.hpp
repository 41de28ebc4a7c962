// Write keys and the sources that they open.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lakeferry::intake {

class suppression;

// One source as intake needs it.
struct source_entry {
    std::uint32_t space = 0;  // number in the store
    std::string space_id{};
    std::string id{};         // event_source_id
    std::string name{};
    bool enabled = true;
    std::size_t keys_max = 300;  // so many traits or properties, or more, are refused
    std::shared_ptr<const suppression> suppressed{};  // of the space; may be empty
};

// All sources of all spaces. Immutable, so that a job on a worker may keep one while the loop swaps to the next.
class source_table {
public:
    struct space {
        std::uint32_t number = 0;
        const core::space_config* config = nullptr;
        std::shared_ptr<const suppression> suppressed{};
    };
    // Fails with "intake.write_key_twice" if two sources share a write key (never).
    static rt::outcome<std::shared_ptr<const source_table>> make(const std::vector<space>& spaces);

    // nullptr: unknown.
    const source_entry* find(std::string_view write_key) const noexcept;
    // By id, else by name, inside one space. nullptr: unknown.
    const source_entry* find_in(std::uint32_t space, std::string_view source) const noexcept;

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>()(s); }
    };
    std::unordered_map<std::string, source_entry, text_hash, std::equal_to<>> by_key_{};
};

// The table in force. Loop thread only; swapped as a whole when a configuration is loaded or reloaded.
class sources {
public:
    sources() : table_(std::make_shared<const source_table>()) {}
    void swap(std::shared_ptr<const source_table> next) noexcept { table_ = std::move(next); }
    const std::shared_ptr<const source_table>& now() const noexcept { return table_; }

private:
    std::shared_ptr<const source_table> table_;
};

}  // namespace lakeferry::intake
