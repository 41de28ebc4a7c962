package lakeferry.workspace;

import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.FunctionIdentifier;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.ExpressionInfo;
import org.apache.spark.sql.catalyst.expressions.GetJsonObject;
import org.apache.spark.sql.catalyst.expressions.variant.VariantGet;
import org.apache.spark.sql.types.VariantType;
import scala.Option;
import scala.Tuple3;
import scala.collection.immutable.Seq;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/** Functions that Databricks' SQL needs and Spark's has under other names. */
public final class WorkspaceExtensions extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
  private static final String PATH = "__ws_path";

  @Override
  public BoxedUnit apply(SparkSessionExtensions extensions) {
    extensions.injectFunction(new Tuple3<>(
        new FunctionIdentifier(PATH), new ExpressionInfo(WorkspaceExtensions.class.getName(), PATH),
        new AbstractFunction1<Seq<Expression>, Expression>() {
          @Override
          public Expression apply(Seq<Expression> arguments) {
            return path(arguments.apply(0), arguments.apply(1));
          }
        }));
    return BoxedUnit.UNIT;
  }

  /** `e:a.b` of a VARIANT is a VARIANT, of a STRING that holds JSON it is a STRING; NULL where there is nothing. */
  private static Expression path(Expression value, Expression path) {
    if (value.dataType() instanceof VariantType)
      return new VariantGet(value, path, org.apache.spark.sql.types.VariantType$.MODULE$, false, Option.empty());
    return new GetJsonObject(value, path);
  }
}
