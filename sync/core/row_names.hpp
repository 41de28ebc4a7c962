// Flattening of objects into columns: names are worked out once and remembered.
#pragma once

#include "sync/core/call.hpp"
#include "sync/core/row.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lakeferry::core {

// A value under its column. The name lives as long as the name_cache and the flat_values that hold it.
struct flat_value {
    std::string_view column{};
    cell_range range{};
    std::uint32_t root = 0;  // which top-level key it came from, counted from 0
};

// Flattened values of any number of objects, one object after the other.
struct flat_values {
    std::vector<flat_value> values{};
    std::list<std::string> own_names{};  // names that the cache had no room for

    std::string_view keep(std::string name) { return own_names.emplace_back(std::move(name)); }

    void clear()
    {
        values.clear();
        own_names.clear();
    }
};

// What a call names is what it named before. Bounded: names beyond `nodes_max` are worked out anew each time. Not
// thread-safe; reading names that were handed out is safe while others are added.
class name_cache {
public:
    explicit name_cache(std::size_t nodes_max = 20'000);
    ~name_cache();
    name_cache(const name_cache&) = delete;
    name_cache& operator=(const name_cache&) = delete;

    // Objects to any depth; arrays as one value; null and empty objects give nothing. Where two values have one
    // column the later one in the document stands. Values are appended to `to`, their cells to `text`.
    void flatten(const boost::json::object& from, std::string& text, flat_values& to);
    // Columns context_….
    void flatten_context(const merged_object& from, std::string& text, flat_values& to);
    // As flatten, but two values of one column are both kept (traits: each top-level key is a write of its own).
    void flatten_all(const boost::json::object& from, std::string& text, flat_values& to);

    // The column of one key.
    std::string_view name_of(std::string_view key, flat_values& to);

    std::size_t nodes() const noexcept { return nodes_; }

private:
    struct node;
    struct column_entry;
    struct walk;

    node* child(node& of, std::string_view key);
    column_entry* entry_of(std::string name);
    void visit(walk& w, node* at, const std::string& joined, std::string_view key, const boost::json::value& value);

    std::size_t nodes_max_;
    std::size_t nodes_ = 0;
    std::uint64_t turn_ = 0;
    std::unique_ptr<node> plain_;
    std::unique_ptr<node> context_;
    std::unordered_map<std::string_view, std::unique_ptr<column_entry>> columns_{};
};

}  // namespace lakeferry::core
