// The tables of a space while rows are written to them: known columns, new ones, the lines of this step.
#pragma once

#include "sync/core/outbox_block.hpp"
#include "sync/core/row.hpp"
#include "sync/core/selection.hpp"
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
#include <utility>
#include <vector>

namespace lakeferry::identity {

// One table. Rows are written one at a time, from begin_row() to end_row().
class open_table {
public:
    // stored: the store has it as it is here. chosen: outlives this; rows of a table that it leaves out come to nothing,
    // and so do values of columns that it leaves out.
    open_table(core::table t, bool stored, const core::selection& chosen);
    open_table(const open_table&) = delete;  // the writer points into it
    open_table& operator=(const open_table&) = delete;

    const core::table& definition() const noexcept { return table_; }
    core::row_writer& begin_row();
    // A value under a column that may be new. What does not fit, or finds no room, goes to _rescued_data.
    // false: there was no room for another column.
    bool value(std::string_view column, const core::cell& cell);
    void end_row();

    // False: rows come to nothing.
    bool wanted() const noexcept { return wanted_; }
    // What is written from now on goes to the table's second lane (core::fill_lane), or to the first again.
    void use_fill_lane(bool fill);

    bool has_rows() const noexcept { return rows_ != 0; }
    bool changed() const noexcept { return changed_; }
    std::uint32_t rows() const noexcept { return rows_; }
    std::uint32_t rescued() const noexcept { return rescued_; }
    core::outbox_block take_rows();
    bool has_fill_rows() const noexcept { return other_.rows != 0; }
    core::outbox_block take_fill_rows() { return std::exchange(other_, {}); }
    void stored_now() noexcept { changed_ = false; }

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    struct known_column {
        core::column_type type = core::column_type::string;
        bool wanted = true;
    };
    void leave_out_fixed();

    core::table table_;
    const core::selection& chosen_;
    bool wanted_;
    bool filling_ = false;
    std::vector<std::string> unwanted_fixed_{};  // columns of every row that are left out
    std::unordered_map<std::string, known_column, text_hash, std::equal_to<>> columns_{};
    bool changed_ = false;
    std::string lines_{};
    core::row_writer row_{lines_};
    core::rescued_values unfit_{};
    std::uint32_t rows_ = 0;
    std::uint32_t rescued_ = 0;
    std::size_t row_at_ = 0;        // of the row in hand
    core::outbox_block other_{};    // rows of the lane that is not written to
};

// Tables come up when a row asks for them. A failure is kept and the table answered is not to be used: look at
// failure() before writing.
class table_set {
public:
    table_set(store::store& in, std::uint32_t space, core::selection chosen = {})
        : in_(in), space_(space), chosen_(std::move(chosen))
    {
    }
    table_set(const table_set&) = delete;  // its tables refer to its selection
    table_set& operator=(const table_set&) = delete;

    // The number that the next new table gets.
    void set_next_number(std::uint32_t number) noexcept { next_number_ = number; }
    std::uint32_t next_number() const noexcept { return next_number_; }

    open_table& fixed(fixed_table which);
    open_table& event(std::string_view name, std::string_view event_text);
    const core::selection& chosen() const noexcept { return chosen_; }

    const std::optional<rt::failure>& failure() const noexcept { return failure_; }
    void for_each(const std::function<void(open_table&)>& visit);
    // Definitions that changed.
    void write_to(store::batch& changes);

private:
    std::unique_ptr<open_table> load(std::string_view name, const std::function<core::table()>& fresh);

    store::store& in_;
    std::uint32_t space_;
    core::selection chosen_;
    std::uint32_t next_number_ = first_event_table;
    std::array<std::unique_ptr<open_table>, 13> fixed_{};  // by number
    std::map<std::string, std::unique_ptr<open_table>, std::less<>> events_{};
    std::optional<rt::failure> failure_{};
};

}  // namespace lakeferry::identity
