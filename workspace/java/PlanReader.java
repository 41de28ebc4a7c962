package lakeferry.workspace;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.*;
import org.apache.spark.sql.catalyst.analysis.*;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.plans.logical.*;
import org.apache.spark.sql.classic.SparkSession;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Reads a plan that Spark parsed but did not resolve: which names a statement touches, and in which role. Privileges are
 * decided from it before anything runs. One call answers with JSON, because a walk from Python would cost a round trip a node.
 */
public final class PlanReader {
  private final List<Map<String, Object>> names = new ArrayList<>();
  private final Set<String> commands = new LinkedHashSet<>();
  private final Set<String> ctes = new LinkedHashSet<>();
  private final Set<String> unreadable = new LinkedHashSet<>();
  private final Map<String, Object> details = new LinkedHashMap<>();

  private PlanReader() {}

  public static String read(SparkSession session, String text) throws Exception {
    LogicalPlan plan = session.sessionState().sqlParser().parsePlan(text);
    PlanReader reader = new PlanReader();
    reader.walk(plan, "", false);
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("top", plan.getClass().getSimpleName());
    out.put("names", reader.names);
    out.put("commands", reader.commands);
    out.put("ctes", reader.ctes);
    out.put("unreadable", reader.unreadable);
    out.put("details", reader.details);
    return new ObjectMapper().writeValueAsString(out);
  }

  private void walk(LogicalPlan plan, String role, boolean target) {
    String kind = plan.getClass().getSimpleName();
    if (isCommand(plan)) {
      role = kind;
      commands.add(kind);
    }
    note(plan, kind, role, target);
    LogicalPlan written = writtenBy(plan);
    if (written != null) walk(written, role, true);
    if (plan instanceof CompoundPlanStatement) walkScript((scala.Product) plan, role);
    else for (LogicalPlan child : list(plan.children())) if (child != written) walk(child, role, target);
    // Some commands keep the query that they explain or describe in a field.
    if (isCommand(plan) && !(plan instanceof CompoundPlanStatement))
      for (Object part : list(((scala.Product) plan).productIterator().toSeq()))
        if (part instanceof LogicalPlan && part != written && !list(plan.children()).contains(part)) walk((LogicalPlan) part, role, target);
    if (plan instanceof UnresolvedWith)
      for (var cte : list(((UnresolvedWith) plan).cteRelations())) {
        ctes.add(((String) cte._1()).toLowerCase(Locale.ROOT));
        walk((LogicalPlan) cte._2(), role, target);
      }
    // A subquery only reads, wherever it stands.
    for (LogicalPlan inner : list(plan.subqueries())) walk(inner, role, false);
  }

  /** A script keeps its statements, conditions and branches in fields of many kinds, not among its children. */
  private void walkScript(Object part, String role) {
    if (part instanceof LogicalPlan && !(part instanceof CompoundPlanStatement)) walk((LogicalPlan) part, role, false);
    else if (part instanceof scala.collection.Iterable)
      for (Object item : CollectionConverters.asJava((scala.collection.Iterable<?>) part)) walkScript(item, role);
    else if (part instanceof scala.Product)
      for (Object item : list(((scala.Product) part).productIterator().toSeq())) walkScript(item, role);
  }

  private static boolean isCommand(LogicalPlan plan) {
    if (plan instanceof UnresolvedWith) return false;
    return plan instanceof Command || plan instanceof ParsedStatement
        || plan.getClass().getPackageName().startsWith("org.apache.spark.sql.delta");
  }

  private void note(LogicalPlan plan, String kind, String role, boolean target) {
    if (plan instanceof UnresolvedRelation) name(kind, role, target, ((UnresolvedRelation) plan).multipartIdentifier());
    else if (plan instanceof UnresolvedTable) name(kind, role, true, ((UnresolvedTable) plan).multipartIdentifier());
    else if (plan instanceof UnresolvedTableOrView) name(kind, role, true, ((UnresolvedTableOrView) plan).multipartIdentifier());
    else if (plan instanceof UnresolvedView) name(kind, role, true, ((UnresolvedView) plan).multipartIdentifier());
    else if (plan instanceof UnresolvedIdentifier) name(kind, role, true, ((UnresolvedIdentifier) plan).nameParts());
    else if (plan instanceof UnresolvedNamespace) name(kind, role, true, ((UnresolvedNamespace) plan).multipartIdentifier());
    else if (plan instanceof UnresolvedTableValuedFunction) function((UnresolvedTableValuedFunction) plan, role);
    else if (kind.contains("UnresolvedIdentifier") || kind.startsWith("UnresolvedPathBased")) unreadable.add(kind);
    if (plan instanceof CreateNamespace) details.putAll(CollectionConverters.asJava(((CreateNamespace) plan).properties()));
    if (plan instanceof CommentOnNamespace) details.put("comment", ((CommentOnNamespace) plan).comment());
    if (plan instanceof RenameTable) details.put("new_name", list(((RenameTable) plan).newName()));
    TableSpecBase spec = specOf(plan);
    if (spec != null) {
      if (spec.provider().isDefined()) details.put("provider", spec.provider().get());
      if (spec.location().isDefined()) details.put("location", spec.location().get());
    }
  }

  private void function(UnresolvedTableValuedFunction call, String role) {
    String function = String.join(".", list(call.name())).toLowerCase(Locale.ROOT);
    if (!function.startsWith("table_changes")) return;
    Expression first = call.functionArgs().isEmpty() ? null : call.functionArgs().head();
    if (!(first instanceof org.apache.spark.sql.catalyst.expressions.Literal)) {
      unreadable.add("table_changes of an expression");
      return;
    }
    Map<String, Object> entry = entry("TableFunction", role, false);
    entry.put("text", first.toString());
    names.add(entry);
  }

  private void name(String kind, String role, boolean target, scala.collection.Seq<String> parts) {
    Map<String, Object> entry = entry(kind, role, target);
    entry.put("parts", new ArrayList<>(list(parts)));
    names.add(entry);
  }

  private static Map<String, Object> entry(String kind, String role, boolean target) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("kind", kind);
    entry.put("role", role);
    entry.put("target", target);
    return entry;
  }

  /** The relation that a statement writes, where it is not told apart by its own class. */
  private static LogicalPlan writtenBy(LogicalPlan plan) {
    if (plan instanceof InsertIntoStatement) return ((InsertIntoStatement) plan).table();
    if (plan instanceof MergeIntoTable) return ((MergeIntoTable) plan).targetTable();
    if (plan instanceof UpdateTable) return ((UpdateTable) plan).table();
    if (plan instanceof DeleteFromTable) return ((DeleteFromTable) plan).table();
    if (plan instanceof V2WriteCommand) return (LogicalPlan) ((V2WriteCommand) plan).table();
    return null;
  }

  private static TableSpecBase specOf(LogicalPlan plan) {
    if (plan instanceof CreateTable) return ((CreateTable) plan).tableSpec();
    if (plan instanceof CreateTableAsSelect) return ((CreateTableAsSelect) plan).tableSpec();
    if (plan instanceof ReplaceTable) return ((ReplaceTable) plan).tableSpec();
    if (plan instanceof ReplaceTableAsSelect) return ((ReplaceTableAsSelect) plan).tableSpec();
    return null;
  }

  private static <T> List<T> list(scala.collection.Seq<T> items) {
    return CollectionConverters.asJava(items);
  }
}
