// The tables of a space while rows are written to them: known columns, new ones, the lines of this step.
#pragma once

#include "sync/core/outbox_block.hpp"
#include "sync/core/row.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/store/store.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lakeferry::identity {

// One table. Rows are written one at a time, from begin_row() to end_row().
class open_table {
public:
    // stored: the store has it as it is here.
    open_table(core::table t, bool stored);
    open_table(const open_table&) = delete;  // the writer points into it
    open_table& operator=(const open_table&) = delete;

    const core::table& definition() const noexcept { return table_; }
    core::row_writer& begin_row();
    // A value under a column that may be new. What does not fit, or finds no room, goes to _rescued_data.
    // false: there was no room for another column.
    bool value(std::string_view column, const core::cell& cell);
    void end_row();

    bool has_rows() const noexcept { return rows_ != 0; }
    bool changed() const noexcept { return changed_; }
    std::uint32_t rows() const noexcept { return rows_; }
    std::uint32_t rescued() const noexcept { return rescued_; }
    core::outbox_block take_rows();
    void stored_now() noexcept { changed_ = false; }

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    core::table table_;
    std::unordered_map<std::string, core::column_type, text_hash, std::equal_to<>> types_{};
    bool changed_ = false;
    std::string lines_{};
    core::row_writer row_{lines_};
    core::rescued_values unfit_{};
    std::uint32_t rows_ = 0;
    std::uint32_t rescued_ = 0;
};

// Tables come up when a row asks for them. A failure is kept and the table answered is not to be used: look at
// failure() before writing.
class table_set {
public:
    table_set(store::store& in, std::uint32_t space) : in_(in), space_(space) {}

    // The number that the next new table gets.
    void set_next_number(std::uint32_t number) noexcept { next_number_ = number; }
    std::uint32_t next_number() const noexcept { return next_number_; }

    open_table& fixed(fixed_table which);
    open_table& event(std::string_view name, std::string_view event_text);

    const std::optional<rt::failure>& failure() const noexcept { return failure_; }
    void for_each(const std::function<void(open_table&)>& visit);
    // Definitions that changed.
    void write_to(store::batch& changes);

private:
    std::unique_ptr<open_table> load(std::string_view name, const std::function<core::table()>& fresh);

    store::store& in_;
    std::uint32_t space_;
    std::uint32_t next_number_ = first_event_table;
    std::array<std::unique_ptr<open_table>, 13> fixed_{};  // by number
    std::map<std::string, std::unique_ptr<open_table>, std::less<>> events_{};
    std::optional<rt::failure> failure_{};
};

}  // namespace lakeferry::identity
