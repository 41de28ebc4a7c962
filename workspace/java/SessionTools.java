package lakeferry.workspace;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.SparkThrowable;
import org.apache.spark.sql.catalyst.CurrentUserContext;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.catalog.*;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.collection.immutable.Map$;
import scala.jdk.javaapi.CollectionConverters;

/** What the Python side needs from the JVM and could only spell in many round trips. */
public final class SessionTools {
  private SessionTools() {}

  /**
   * The session for one statement, active in the calling thread: with the catalogs, the settings ("name=value", a line each), the text that
   * its commits carry and the user that current_user() answers. `base` itself, or a new one beside it. One round trip instead of one a setting.
   */
  public static SparkSession open(
      SparkSession base, boolean anew, String catalogs, String plugin, String settings, String commitText, String user) {
    SparkSession session = anew ? (SparkSession) base.newSession() : base;
    for (String catalog : catalogs.split(",")) session.conf().set("spark.sql.catalog." + catalog, plugin);
    for (String line : settings.lines().toList()) {
      int at = line.indexOf('=');
      session.conf().set(line.substring(0, at), line.substring(at + 1));
    }
    session.conf().set("spark.databricks.delta.commitInfo.userMetadata", commitText);
    enter(session, user);
    return session;
  }

  public static boolean knowsTimeZone(String name) {
    try {
      org.apache.spark.sql.catalyst.util.DateTimeUtils.getZoneId(name);
      return true;
    } catch (java.time.DateTimeException unknown) {
      return false;
    }
  }

  /** The defaults of names without catalog or schema, and whether Spark compiles a program for each plan or interprets it. */
  public static void use(SparkSession session, String catalog, String schema, boolean compiled) throws Exception {
    session.conf().set("spark.sql.codegen.wholeStage", compiled);
    session.conf().set("spark.sql.codegen.factoryMode", compiled ? "FALLBACK" : "NO_CODEGEN");
    session.catalog().setCurrentCatalog(catalog);
    session.catalog().setCurrentDatabase(schema);
  }

  /** Makes `session` the active one of the calling thread, and `user` what current_user() answers. */
  public static void enter(SparkSession session, String user) {
    org.apache.spark.sql.SparkSession.setActiveSession(session);
    CurrentUserContext.CURRENT_USER().set(user);
    // Else every plan and job looks for the place that it came from, through a stack of hundreds of frames.
    session.sparkContext().setLocalProperty("callSite.short", "statement");
    session.sparkContext().setLocalProperty("callSite.long", "statement");
  }

  /** The session catalog lives in memory: after a restart, schemas and tables are told to it again from the folders. */
  public static void restoreSchema(SparkSession session, String name, String location, String comment) {
    external(session)
        .createDatabase(new CatalogDatabase(name, comment, URI.create(location), scala.collection.immutable.Map$.MODULE$.empty()), true);
  }

  /** Registers a Delta folder as a managed table. Columns and properties are not given: Delta reads its own log. */
  public static void restoreTable(SparkSession session, String schema, String name, String location) {
    CatalogStorageFormat none = CatalogStorageFormat.empty();
    CatalogStorageFormat storage = new CatalogStorageFormat(
        Option.apply(URI.create(location)), none.inputFormat(), none.outputFormat(), none.serde(), none.compressed(), none.properties());
    CatalogTable$ d = CatalogTable$.MODULE$;
    register(session, schema, name, CatalogTableType.MANAGED(), storage, new StructType(), Option.apply("delta"),
        d.$lessinit$greater$default$12(), d.$lessinit$greater$default$14(), d.$lessinit$greater$default$15(),
        d.$lessinit$greater$default$21());
  }

  /** A view as Spark keeps it: columns, text and the properties from which its names are resolved. JSON for `restoreView`. */
  public static String describeView(SparkSession session, String schema, String name) throws Exception {
    CatalogTable view = external(session).getTable(schema, name);
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("schema", view.schema().json());
    out.put("text", view.viewText().get());
    out.put("original", view.viewOriginalText().isDefined() ? view.viewOriginalText().get() : null);
    out.put("comment", view.comment().isDefined() ? view.comment().get() : null);
    out.put("properties", CollectionConverters.asJava(view.properties()));
    return new ObjectMapper().writeValueAsString(out);
  }

  @SuppressWarnings("unchecked")
  public static void restoreView(SparkSession session, String schema, String name, String described) throws Exception {
    Map<String, Object> view = new ObjectMapper().readValue(described, Map.class);
    register(session, schema, name, CatalogTableType.VIEW(), CatalogStorageFormat.empty(),
        (StructType) DataType.fromJson((String) view.get("schema")), Option.empty(),
        Map$.MODULE$.from(CollectionConverters.asScala((Map<String, String>) view.get("properties"))),
        Option.apply((String) view.get("text")), Option.apply((String) view.get("comment")), Option.apply((String) view.get("original")));
  }

  private static void register(
      SparkSession session, String schema, String name, CatalogTableType type, CatalogStorageFormat storage, StructType columns,
      Option<String> provider, scala.collection.immutable.Map<String, String> properties, Option<String> text, Option<String> comment,
      Option<String> original) {
    CatalogTable$ d = CatalogTable$.MODULE$;
    external(session).createTable(new CatalogTable(
        new TableIdentifier(name.toLowerCase(Locale.ROOT), Option.apply(schema)), type, storage, columns, provider,
        d.$lessinit$greater$default$6(), d.$lessinit$greater$default$7(), d.$lessinit$greater$default$8(),
        d.$lessinit$greater$default$9(), d.$lessinit$greater$default$10(), d.$lessinit$greater$default$11(), properties,
        d.$lessinit$greater$default$13(), text, comment, d.$lessinit$greater$default$16(), d.$lessinit$greater$default$17(),
        d.$lessinit$greater$default$18(), d.$lessinit$greater$default$19(), d.$lessinit$greater$default$20(), original), true);
  }

  private static ExternalCatalog external(SparkSession session) {
    return session.sharedState().externalCatalog();
  }

  /** {message, SQLSTATE or null} of the deepest cause that carries a SQLSTATE: that is the one a user can act on. */
  public static String[] describe(Throwable error) {
    String[] found = {String.valueOf(error.getMessage()), null};
    int depth = 0;
    for (Throwable t = error; t != null && depth < 50; t = t.getCause(), depth++)
      if (t instanceof SparkThrowable && ((SparkThrowable) t).getSqlState() != null)
        found = new String[] {t.getMessage(), ((SparkThrowable) t).getSqlState()};
    return found;
  }
}
