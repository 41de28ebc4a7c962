#include "sync/identity/table_set.hpp"

namespace lakeferry::identity {

open_table::open_table(core::table t, bool stored) : table_(std::move(t)), changed_(!stored)
{
    for (const auto& column : table_.columns) types_.emplace(column.name, column.type);
}

core::row_writer& open_table::begin_row()
{
    row_.begin();
    return row_;
}

bool open_table::value(std::string_view column, const core::cell& cell)
{
    auto found = types_.find(column);
    if (found == types_.end()) {
        if (table_.columns.size() >= columns_max) {
            unfit_.add(column, cell);
            return false;
        }
        const auto type = core::natural_type(cell.kind);
        table_.columns.push_back({.name = std::string(column),
                                  .type = type,
                                  .comment = dynamic_column_comment(table_.name, column)});
        found = types_.emplace(std::string(column), type).first;
        changed_ = true;
    }
    const std::size_t mark = lines_.size();
    row_.name(column);
    if (core::append_fitting(lines_, cell, found->second)) return true;
    lines_.resize(mark);
    unfit_.add(column, cell);
    return true;
}

void open_table::end_row()
{
    if (!unfit_.empty()) ++rescued_;
    unfit_.flush(row_);
    row_.end();
    ++rows_;
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
        return std::make_unique<open_table>(fresh(), true);
    }
    if (!got->has_value()) return nullptr;
    auto read = core::decode_table(**got);
    if (read.has_error()) {
        if (!failure_) failure_ = read.error();
        return std::make_unique<open_table>(fresh(), true);
    }
    const std::size_t columns = read->columns.size();
    core::table merged = with_fixed_columns(fresh(), std::move(*read));
    const bool same = merged.columns.size() == columns;
    return std::make_unique<open_table>(std::move(merged), same);
}

open_table& table_set::fixed(fixed_table which)
{
    const auto number = static_cast<std::uint32_t>(which);
    auto& slot = fixed_.at(number);
    if (slot) return *slot;
    const auto& definition = fixed_tables().at(number - 1);
    slot = load(definition.name, [&] { return definition; });
    // A fixed table without columns of its own need not be stored.
    if (!slot) slot = std::make_unique<open_table>(definition, true);
    return *slot;
}

open_table& table_set::event(std::string_view name, std::string_view event_text)
{
    if (const auto found = events_.find(name); found != events_.end()) return *found->second;
    const auto fresh = [&] { return event_table(name, event_text); };
    auto loaded = load(name, fresh);
    if (!loaded) {
        auto made = fresh();
        made.number = next_number_++;
        loaded = std::make_unique<open_table>(std::move(made), false);
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
