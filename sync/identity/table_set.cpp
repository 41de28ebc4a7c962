#include "sync/identity/table_set.hpp"

#include "sync/core/row_text.hpp"

#include <algorithm>

namespace lakeferry::identity {

open_table::open_table(core::table t, bool stored, const core::selection& chosen)
    : table_(std::move(t)), chosen_(chosen), wanted_(chosen.table(table_.name)), changed_(!stored && wanted_)
{
    for (const auto& column : table_.columns) {
        const bool wanted = chosen.column(table_.name, column.name);
        columns_.emplace(column.name, known_column{column.type, wanted});
        const bool fixed = column.comment != dynamic_column_comment(table_.name, column.name);
        if (!wanted && fixed) unwanted_fixed_.push_back(column.name);
    }
}

core::row_writer& open_table::begin_row()
{
    row_at_ = lines_.size();
    row_.begin();
    return row_;
}

bool open_table::value(std::string_view column, const core::cell& cell)
{
    if (!wanted_) return true;
    auto found = columns_.find(column);
    if (found == columns_.end()) {
        const bool wanted = chosen_.column(table_.name, column);
        const auto type = core::natural_type(cell.kind);
        if (wanted && table_.columns.size() >= columns_max) {
            unfit_.add(column, cell);
            return false;
        }
        if (wanted) {
            table_.columns.push_back({.name = std::string(column),
                                      .type = type,
                                      .comment = dynamic_column_comment(table_.name, column)});
            changed_ = true;
        }
        found = columns_.emplace(std::string(column), known_column{type, wanted}).first;
    }
    if (!found->second.wanted) return true;
    const std::size_t mark = lines_.size();
    row_.name(column);
    if (core::append_fitting(lines_, cell, found->second.type)) return true;
    lines_.resize(mark);
    unfit_.add(column, cell);
    return true;
}

// The row's writer knows nothing of selection: what it wrote of columns that are left out is taken out again. Rare enough to
// read the row anew.
void open_table::leave_out_fixed()
{
    auto members = core::members_of(std::string_view(lines_).substr(row_at_));
    const auto unwanted = [this](const core::row_member& m) {
        return std::find(unwanted_fixed_.begin(), unwanted_fixed_.end(), m.name) != unwanted_fixed_.end();
    };
    if (std::erase_if(members, unwanted) == 0) return;
    const std::string row = core::row_of(members);
    lines_.resize(row_at_);
    lines_ += row;
    lines_ += '\n';
}

void open_table::end_row()
{
    if (!wanted_) {
        lines_.resize(row_at_);
        return;
    }
    if (!unfit_.empty()) ++rescued_;
    unfit_.flush(row_);
    row_.end();
    if (!unwanted_fixed_.empty()) leave_out_fixed();
    ++rows_;
}

void open_table::use_fill_lane(bool fill)
{
    if (fill == filling_) return;
    filling_ = fill;
    std::swap(lines_, other_.lines);
    std::swap(rows_, other_.rows);
    std::swap(rescued_, other_.rescued);
}

core::outbox_block open_table::take_rows()
{
    core::outbox_block block{.rows = rows_, .rescued = rescued_, .lines = std::move(lines_)};
    rows_ = 0;
    rescued_ = 0;
    lines_.clear();
    return block;
}

std::unique_ptr<open_table> table_set::load(std::string_view name, const std::function<core::table()>& fresh)
{
    auto got = in_.get(store::family::schema, table_key(space_, name));
    if (got.has_error()) {
        if (!failure_) failure_ = got.error();
        return std::make_unique<open_table>(fresh(), true, chosen_);
    }
    if (!got->has_value()) return nullptr;
    auto read = core::decode_table(**got);
    if (read.has_error()) {
        if (!failure_) failure_ = read.error();
        return std::make_unique<open_table>(fresh(), true, chosen_);
    }
    const std::size_t columns = read->columns.size();
    core::table merged = with_fixed_columns(fresh(), std::move(*read));
    const bool same = merged.columns.size() == columns;
    return std::make_unique<open_table>(std::move(merged), same, chosen_);
}

open_table& table_set::fixed(fixed_table which)
{
    const auto number = static_cast<std::uint32_t>(which);
    auto& slot = fixed_.at(number);
    if (slot) return *slot;
    const auto& definition = fixed_tables().at(number - 1);
    slot = load(definition.name, [&] { return definition; });
    // A fixed table without columns of its own need not be stored.
    if (!slot) slot = std::make_unique<open_table>(definition, true, chosen_);
    return *slot;
}

open_table& table_set::event(std::string_view name, std::string_view event_text)
{
    if (const auto found = events_.find(name); found != events_.end()) return *found->second;
    const auto fresh = [&] { return event_table(name, event_text); };
    auto loaded = load(name, fresh);
    if (!loaded) {
        auto made = fresh();
        // A table that is left out gets its number with its first row.
        if (chosen_.table(name)) made.number = next_number_++;
        loaded = std::make_unique<open_table>(std::move(made), false, chosen_);
    }
    return *events_.emplace(std::string(name), std::move(loaded)).first->second;
}

void table_set::for_each(const std::function<void(open_table&)>& visit)
{
    for (auto& t : fixed_) {
        if (t) visit(*t);
    }
    for (auto& [_, t] : events_) visit(*t);
}

void table_set::write_to(store::batch& changes)
{
    for_each([&](open_table& t) {
        if (!t.changed()) return;
        changes.put(store::family::schema, table_key(space_, t.definition().name), core::encode_table(t.definition()));
        t.stored_now();
    });
}

}  // namespace lakeferry::identity
